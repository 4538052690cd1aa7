// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
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
  /** In bytes: a bitmap of 512 GiB in pages of 4 KiB. What lies behind is not written down. */
  private static final int LONGEST_ARRAY = 1 << 24;

  private static final HexFormat HEX = HexFormat.of();

  private final IntFunction<String> names;
  private final IoctlArray.Finder arrays;

  /**
   * @param names the names of ioctls, for people
   * @param arrays which ioctls have arguments that point to arrays
   */
  public TraceFormat(IntFunction<String> names, IoctlArray.Finder arrays) {
    this.names = names;
    this.arrays = arrays;
  }

  /** Without names: ioctls are shown by their numbers. */
  public static TraceFormat plain() {
    return new TraceFormat(request -> "", (request, argument) -> Optional.empty());
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

  /** An answer that consists of texts. */
  public static String texts(String... texts) {
    return bytes("out", String.join("\0", texts).getBytes(StandardCharsets.UTF_8));
  }

  /** The opposite of {@link #texts}. */
  public static String[] parseTexts(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8).split("\0", -1);
  }

  /** An access to mapped memory. */
  public static String access(String name, long address, long offset, String more) {
    return String.format("%s(%#x+%#x%s)", name, address, offset, more);
  }

  /**
   * What the argument of an ioctl points to; to be asked before the call, which may put other
   * numbers there.
   */
  public Optional<IoctlArray> array(int request, NativeBlock argument) {
    return arrays.find(request, argument);
  }

  /** An ioctl with this argument, as it is now: before the call. */
  public static String ioctl(
      int fd, int request, NativeBlock argument, Optional<IoctlArray> pointed) {
    String array = pointed.map(found -> ", " + bytes("array", content(found, argument))).orElse("");
    String in = bytes("in", withoutAddress(argument, pointed));
    return String.format("ioctl(%d, %#x, %s%s)", fd, request, in, array);
  }

  /**
   * What an ioctl has made of its argument and of what that points to.
   *
   * @param pointed what {@link #array} said before the call
   */
  public static String answer(NativeBlock argument, Optional<IoctlArray> pointed) {
    String array = pointed.map(found -> " " + bytes("array", content(found, argument))).orElse("");
    return bytes("out", withoutAddress(argument, pointed)) + array;
  }

  /**
   * Puts an answer back: the opposite of {@link #answer}.
   *
   * @param out the bytes of the argument
   * @param array of what it points to; empty where there is no such thing
   */
  public static void put(
      NativeBlock argument, Optional<IoctlArray> pointed, byte[] out, byte[] array) {
    if (pointed.isEmpty()) {
      argument.put(0, out);
      return;
    }
    int pointer = pointed.get().pointer();
    long address = argument.getLong(pointer);
    argument.put(0, out);
    argument.putLong(pointer, address);
    transfer(address, Arrays.copyOf(array, Math.min(array.length, length(pointed.get()))), true);
  }

  private static byte[] withoutAddress(NativeBlock argument, Optional<IoctlArray> pointed) {
    byte[] bytes = argument.get(0, argument.capacity());
    if (pointed.isPresent()) {
      int pointer = pointed.get().pointer();
      Arrays.fill(bytes, pointer, pointer + Long.BYTES, (byte) 0);
    }
    return bytes;
  }

  private static int length(IoctlArray array) {
    boolean longer = Long.compareUnsigned(array.length(), LONGEST_ARRAY) > 0;
    return longer ? LONGEST_ARRAY : (int) array.length();
  }

  private static byte[] content(IoctlArray pointed, NativeBlock argument) {
    byte[] array = new byte[length(pointed)];
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
