// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.memory.Struct;

/**
 * How calls are written: {@code CALL(ARGUMENTS) = RESULT out:BYTES # for people}.
 *
 * <pre>
 * open("/dev/iommu", 0x2) = 3
 * ioctl(3, 0x3b81, in:0c0000000000000000000000) = 0 out:0c0000000000000001000000 # IOMMU_IOAS_ALLOC size=12 flags=0 out_ioas_id=1
 * close(3) = 0
 * </pre>
 *
 * <p>What stands before {@code =} is all that the kernel is told, but for addresses of arrays,
 * whose content stands there instead; the rest is all that it answers.
 *
 * <p>Immutable.
 */
public final class TraceFormat {
  private static final int LONGEST_ARRAY = 1 << 20;
  private static final HexFormat HEX = HexFormat.of();

  private final IntFunction<String> names;
  private final Map<Integer, IoctlArray> arrays;

  /**
   * @param names the names of ioctls, for people
   * @param arrays which ioctls have arguments that point to arrays
   */
  public TraceFormat(IntFunction<String> names, Map<Integer, IoctlArray> arrays) {
    this.names = names;
    this.arrays = Map.copyOf(arrays);
  }

  /** Without names: ioctls are shown by their numbers. */
  public static TraceFormat plain() {
    return new TraceFormat(request -> "", Map.of());
  }

  /** A call with numbers for arguments. */
  public static String call(String name, long... numbers) {
    return Arrays.stream(numbers)
        .mapToObj(String::valueOf)
        .collect(Collectors.joining(", ", name + "(", ")"));
  }

  /** A call with a path. */
  public static String path(String name, String path) {
    return name + "(" + quoted(path) + ")";
  }

  public static String open(String path, int flags) {
    return "open(" + quoted(path) + ", 0x" + Integer.toHexString(flags) + ")";
  }

  /** A call with a path, and bytes for the kernel. */
  public static String writeFile(String path, byte[] content) {
    return "writeFile(" + quoted(path) + ", " + bytes("in", content) + ")";
  }

  /** A call with numbers, and bytes for the kernel. */
  public static String sending(String name, byte[] bytes, long... numbers) {
    String start = call(name, numbers);
    return start.substring(0, start.length() - 1) + ", " + bytes("in", bytes) + ")";
  }

  public static String ioctl(int fd, int request, long argument) {
    return String.format("ioctl(%d, %#x, %d)", fd, request, argument);
  }

  /** An access to mapped memory. */
  public static String access(String name, long address, long offset, String more) {
    return String.format("%s(%#x+%#x%s)", name, address, offset, more);
  }

  /** An ioctl with this argument, as it is now: before the call. */
  public String ioctl(int fd, int request, NativeBlock argument) {
    byte[] content = argument.get(0, argument.capacity());
    String array = "";
    IoctlArray pointed = arrays.get(request);
    if (pointed != null) {
      Arrays.fill(content, pointed.pointer(), pointed.pointer() + Long.BYTES, (byte) 0);
      array = ", " + bytes("array", array(pointed, argument, arrayLength(request, argument)));
    }
    return String.format("ioctl(%d, %#x, %s%s)", fd, request, bytes("in", content), array);
  }

  /**
   * How long the array is that the argument of an ioctl points to, in bytes; to be asked before the
   * call, which may put another number there.
   */
  public int arrayLength(int request, NativeBlock argument) {
    IoctlArray pointed = arrays.get(request);
    if (pointed == null) {
      return 0;
    }
    long length = Integer.toUnsignedLong(argument.getInt(pointed.count())) * pointed.size();
    return (int) Math.min(length, LONGEST_ARRAY);
  }

  /**
   * What an ioctl has made of its argument and of what that points to.
   *
   * @param arrayLength what {@link #arrayLength} said before the call
   */
  public String answer(int request, NativeBlock argument, int arrayLength) {
    byte[] content = argument.get(0, argument.capacity());
    IoctlArray pointed = arrays.get(request);
    if (pointed == null) {
      return bytes("out", content);
    }
    Arrays.fill(content, pointed.pointer(), pointed.pointer() + Long.BYTES, (byte) 0);
    return bytes("out", content) + " " + bytes("array", array(pointed, argument, arrayLength));
  }

  /**
   * Puts an answer back: the opposite of {@link #answer}.
   *
   * @param out the bytes of the argument
   * @param array of what it points to; empty where there is no such thing
   */
  public void put(int request, NativeBlock argument, byte[] out, byte[] array) {
    IoctlArray pointed = arrays.get(request);
    long address = pointed == null ? 0 : argument.getLong(pointed.pointer());
    int length = Math.min(array.length, arrayLength(request, argument));
    argument.put(0, out);
    if (pointed != null) {
      argument.putLong(pointed.pointer(), address);
      transfer(address, Arrays.copyOf(array, length), true);
    }
  }

  private static byte[] array(IoctlArray pointed, NativeBlock argument, int length) {
    byte[] array = new byte[length];
    transfer(argument.getLong(pointed.pointer()), array, false);
    return array;
  }

  /** From or to memory of this process; zeros where there is none. */
  private static void transfer(long address, byte[] bytes, boolean write) {
    if (address == 0 || bytes.length == 0) {
      return;
    }
    Kernel host = Kernel.host();
    int fd = host.open("/proc/self/mem", Linux.O_RDWR);
    NativeBlock block = new NativeBlock(bytes.length);
    if (write) {
      block.put(0, bytes);
      host.pwrite(fd, block, bytes.length, address);
    } else if (host.pread(fd, block, bytes.length, address) == bytes.length) {
      System.arraycopy(block.get(0, bytes.length), 0, bytes, 0, bytes.length);
    }
    host.close(fd);
  }

  /** The whole line. */
  public static String line(String call, long result, String out, String comment) {
    StringBuilder line = new StringBuilder(call).append(" = ").append(result);
    if (result < 0) {
      line.append(' ').append(Errno.ofResult(result));
    }
    if (!out.isEmpty()) {
      line.append(' ').append(out);
    }
    if (!comment.isEmpty()) {
      line.append(" # ").append(comment);
    }
    return line.toString();
  }

  /** For people: the name of an ioctl and the fields of its argument. */
  public String describe(int request, NativeBlock argument) {
    String name = names.apply(request);
    if (!(argument instanceof Struct)) {
      return name;
    }
    Map<Integer, String> fields = new TreeMap<>();
    for (Field field : argument.getClass().getFields()) {
      if (field.getType() == int.class
          && Modifier.isStatic(field.getModifiers())
          && !field.getName().equals("SIZEOF")) {
        fields.put(offset(field), field.getName());
      }
    }
    StringBuilder text = new StringBuilder(name);
    Integer[] offsets = fields.keySet().toArray(Integer[]::new);
    for (int i = 0; i < offsets.length; i++) {
      int end = i + 1 < offsets.length ? offsets[i + 1] : argument.capacity();
      text.append(' ')
          .append(fields.get(offsets[i]).toLowerCase(java.util.Locale.ROOT))
          .append('=');
      text.append(value(argument, offsets[i], end - offsets[i]));
    }
    return text.toString().strip();
  }

  private static int offset(Field field) {
    try {
      return field.getInt(null);
    } catch (IllegalAccessException e) {
      throw new LinkageError("offsets in a struct are public", e);
    }
  }

  private static String value(NativeBlock block, int offset, int width) {
    return switch (width) {
      case Byte.BYTES -> String.valueOf(block.getByte(offset));
      case Short.BYTES -> String.valueOf(block.getShort(offset));
      case Integer.BYTES -> String.valueOf(block.getInt(offset));
      case Long.BYTES -> "0x" + Long.toHexString(block.getLong(offset));
      default -> "...";
    };
  }

  public static String bytes(String name, byte[] bytes) {
    return name + ":" + HEX.formatHex(bytes);
  }

  public static byte[] parseBytes(String hex) {
    return HEX.parseHex(hex);
  }

  private static String quoted(String path) {
    return '"' + path.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }
}
