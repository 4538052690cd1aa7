// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioInfoCapHeader;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.memory.Struct;

/**
 * The capabilities behind the struct that an info call of VFIO fills: what the struct has no field
 * for.
 *
 * <p>The kernel may append kinds that this library does not know, and drivers write the chain. So
 * it is read with every offset checked, into copies, and a chain that is cut short or does not
 * advance is an error.
 *
 * <p>Immutable.
 */
public final class CapabilityChain implements Iterable<CapabilityChain.Capability> {
  /** No capability at all. */
  public static final CapabilityChain EMPTY = new CapabilityChain(List.of());

  /** All info structs begin with it. */
  private static final int ARGSZ = 0;

  /** Known answers have some hundred bytes; a kernel that wants more than this has gone mad. */
  private static final int MAX_ANSWER = 1 << 20;

  /** The answer may grow between two calls, but not for ever. */
  private static final int MAX_ATTEMPTS = 8;

  private final List<Capability> capabilities;

  private CapabilityChain(List<Capability> capabilities) {
    this.capabilities = List.copyOf(capabilities);
  }

  /**
   * One capability: a copy of its bytes, the header of 8 bytes included, so that offsets are those
   * of the struct of the capability.
   */
  public static final class Capability {
    private final String origin;
    private final NativeBlock bytes;

    private Capability(String origin, NativeBlock bytes) {
      this.origin = origin;
      this.bytes = bytes;
    }

    /** What it is, among the capabilities of the same call. */
    public int id() {
      return Short.toUnsignedInt(bytes.getShort(VfioInfoCapHeader.ID));
    }

    public int version() {
      return Short.toUnsignedInt(bytes.getShort(VfioInfoCapHeader.VERSION));
    }

    /** In bytes, with the header; the end of the last one is the end of the kernel's answer. */
    public int size() {
      return bytes.capacity();
    }

    /**
     * The 32 bits at an offset from the capability's header, in bytes.
     *
     * @throws VfioException ({@link Reason#OTHER}) when the capability ends before
     */
    public int getInt(int offset) {
      check(offset, Integer.BYTES);
      return bytes.getInt(offset);
    }

    /**
     * The 64 bits at an offset from the capability's header, in bytes.
     *
     * @throws VfioException ({@link Reason#OTHER}) when the capability ends before
     */
    public long getLong(int offset) {
      check(offset, Long.BYTES);
      return bytes.getLong(offset);
    }

    private void check(int offset, int width) {
      if (offset < 0 || offset > size() - width) {
        throw malformed(
            origin,
            "capability "
                + id()
                + " ends after "
                + Units.bytes(size())
                + ", before what it must have at byte "
                + offset);
      }
    }

    @Override
    public String toString() {
      return "capability " + id() + " version " + version() + ", " + Units.bytes(size());
    }
  }

  /**
   * Makes an info call, and again with more room for as long as the kernel says that its answer
   * needs more.
   *
   * @param withRoom makes the struct, with as many bytes behind it, {@code argsz} set to all of it
   * @param call makes the call; throws when the kernel refuses
   * @throws VfioException ({@link Reason#OTHER}) when the kernel never has enough
   */
  public static <T extends Struct> T query(
      String origin, IntFunction<T> withRoom, Consumer<T> call) {
    int room = 0;
    int needed = 0;
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      T info = withRoom.apply(room);
      call.accept(info);
      needed = info.getInt(ARGSZ);
      int given = info.capacity();
      if (needed >= 0 && needed <= given) {
        return info;
      }
      if (needed < 0 || needed > MAX_ANSWER) {
        break;
      }
      room += needed - given;
    }
    throw malformed(
        origin, "in the end it wants " + Units.bytes(Integer.toUnsignedLong(needed)) + " of room");
  }

  /**
   * Reads the chain in a filled struct.
   *
   * @param origin the call and its object, for messages: {@code VFIO_DEVICE_GET_INFO of
   *     0000:00:05.0}
   * @param info the struct with what is behind it
   * @param sizeof of the struct, in bytes: capabilities do not begin before
   * @param first offset of the first one from the start of the struct; 0 for none
   * @throws VfioException ({@link Reason#OTHER}) when the chain leaves the answer, or does not
   *     advance
   */
  public static CapabilityChain read(String origin, NativeBlock info, int sizeof, int first) {
    List<Capability> found = new ArrayList<>();
    int least = sizeof;
    int end = Math.min(info.capacity(), answered(info));
    for (int at = first; at != 0; ) {
      if (at < least || at > end - VfioInfoCapHeader.SIZEOF) {
        throw malformed(
            origin,
            "a capability is said to be at byte "
                + Integer.toUnsignedString(at)
                + ", it must be in "
                + least
                + " to "
                + (end - VfioInfoCapHeader.SIZEOF));
      }
      int next = info.getInt(at + VfioInfoCapHeader.NEXT);
      least = at + VfioInfoCapHeader.SIZEOF;
      // A next that is out of range is refused in the next round.
      int last = next >= least && next <= end ? next : end;
      NativeBlock copy = new NativeBlock(last - at);
      copy.put(0, info.get(at, last - at));
      found.add(new Capability(origin, copy));
      at = next;
    }
    return found.isEmpty() ? EMPTY : new CapabilityChain(found);
  }

  /** The first one with this id. */
  public Optional<Capability> find(int id) {
    return capabilities.stream().filter(capability -> capability.id() == id).findFirst();
  }

  /** All of them, in the kernel's order, which means nothing. */
  public List<Capability> all() {
    return capabilities;
  }

  @Override
  public Iterator<Capability> iterator() {
    return capabilities.iterator();
  }

  @Override
  public String toString() {
    return capabilities.toString();
  }

  private static int answered(NativeBlock info) {
    int argsz = info.getInt(ARGSZ);
    return argsz < 0 ? info.capacity() : argsz;
  }

  static VfioException malformed(String origin, String fact) {
    return VfioException.failed(Reason.OTHER, origin)
        .fact("the kernel's answer is malformed: " + fact)
        .hint("this is a bug of the device's driver in the kernel; report it there")
        .build();
  }
}
