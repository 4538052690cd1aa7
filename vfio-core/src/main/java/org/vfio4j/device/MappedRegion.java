// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.RegionInfo.Area;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;

/**
 * A region of a device, mapped into this process: its registers are reached like memory.
 *
 * <p>An access by {@code getIntLe} or {@code putIntLe} is one access of 32 bits to the device, and
 * so for the other widths, in the order of the program: see {@link MappedMemory}. Where the kernel
 * maps a region only in parts, accesses to the rest are made through {@link Region}, by a system
 * call each: {@link #areas()} says what is mapped.
 *
 * <p><b>While the device does not answer</b>, since its memory decoding is off, or it is in reset
 * or gone, the kernel answers an access with SIGBUS, of which the JVM makes an {@link
 * InternalError}. Where that comes inside an accessor it is turned into {@link
 * Reason#DEVICE_FAULT}. But HotSpot, compiled and interpreted, may go on with an undefined value
 * and deliver the {@code InternalError} when the same thread next enters the virtual machine, in
 * the caller or after it, and once more for an access made meanwhile. The JVM survives that, and no
 * other thread sees it. Code that must know at once asks through {@link #region()}, where such an
 * access is an error of the system call.
 *
 * <p>Thread safe, as far as the device is. Accessors of registers allocate nothing. Closing is safe
 * while other threads are in the middle of an access.
 */
public final class MappedRegion extends KernelObject {
  /** How HotSpot words a SIGBUS, at the access or later. */
  private static final String SIGBUS_TEXT = "unsafe memory access";

  private final Region region;
  private final List<MappedArea> areas;

  /** The mapping of the whole region; null where there are holes. */
  private final MappedMemory whole;

  /**
   * A part of the region that is mapped in one piece.
   *
   * @param offset in the region, in bytes
   */
  public record MappedArea(long offset, MappedMemory memory) {
    private boolean holds(long at, long length) {
      return at >= offset && length <= memory.size() && at - offset <= memory.size() - length;
    }
  }

  private MappedRegion(Region region, List<MappedArea> areas) {
    super(lifetime(region.device(), region.toString(), areas));
    this.region = region;
    this.areas = List.copyOf(areas);
    MappedMemory first = areas.get(0).memory();
    this.whole = first.size() == region.size() ? first : null;
  }

  private static Lifetime lifetime(VfioDevice device, String name, List<MappedArea> areas) {
    Kernel kernel = device.kernel();
    return new Lifetime("mapping of " + name, () -> unmap(kernel, areas, name), device.lifetime());
  }

  static MappedRegion map(Region region) {
    RegionInfo info = region.info();
    if (info.mappableAreas().isEmpty()) {
      throw DeviceErrors.notMappable(region);
    }
    int protection =
        (info.has(RegionInfo.Flag.READ) ? Linux.PROT_READ : 0)
            | (info.has(RegionInfo.Flag.WRITE) ? Linux.PROT_WRITE : 0);
    VfioDevice device = region.device();
    Kernel kernel = device.kernel();
    List<MappedArea> areas = new ArrayList<>();
    device.lifetime().enter();
    try {
      for (Area area : info.mappableAreas()) {
        Result<MappedMemory> memory =
            kernel.mmap(
                device.fdForChildren(),
                info.offset() + area.offset(),
                area.size(),
                protection,
                Linux.MAP_SHARED);
        if (!memory.isOk()) {
          throw DeviceErrors.map(region, area, protection, memory.errno());
        }
        areas.add(new MappedArea(area.offset(), memory.value()));
      }
      return new MappedRegion(region, areas);
    } catch (RuntimeException e) {
      unmap(kernel, areas, region.toString());
      throw e;
    } finally {
      device.lifetime().leave();
    }
  }

  public Region region() {
    return region;
  }

  /** In bytes. */
  public long size() {
    return region.size();
  }

  /** What of the region is mapped, ascending; one area for all of it in most cases. */
  public List<MappedArea> areas() {
    return areas;
  }

  public byte getByte(long offset) {
    try {
      if (whole != null) {
        return whole.getByte(offset);
      }
      MappedArea area = areaOf(offset, Byte.BYTES);
      return area == null ? region.getByte(offset) : area.memory().getByte(offset - area.offset());
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public short getShortLe(long offset) {
    try {
      if (whole != null) {
        return whole.getShortLe(offset);
      }
      MappedArea area = areaOf(offset, Short.BYTES);
      return area == null
          ? region.getShortLe(offset)
          : area.memory().getShortLe(offset - area.offset());
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public int getIntLe(long offset) {
    try {
      if (whole != null) {
        return whole.getIntLe(offset);
      }
      MappedArea area = areaOf(offset, Integer.BYTES);
      return area == null
          ? region.getIntLe(offset)
          : area.memory().getIntLe(offset - area.offset());
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public long getLongLe(long offset) {
    try {
      if (whole != null) {
        return whole.getLongLe(offset);
      }
      MappedArea area = areaOf(offset, Long.BYTES);
      return area == null
          ? region.getLongLe(offset)
          : area.memory().getLongLe(offset - area.offset());
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public void putByte(long offset, byte value) {
    try {
      if (whole != null) {
        whole.putByte(offset, value);
        return;
      }
      MappedArea area = areaOf(offset, Byte.BYTES);
      if (area == null) {
        region.putByte(offset, value);
      } else {
        area.memory().putByte(offset - area.offset(), value);
      }
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public void putShortLe(long offset, short value) {
    try {
      if (whole != null) {
        whole.putShortLe(offset, value);
        return;
      }
      MappedArea area = areaOf(offset, Short.BYTES);
      if (area == null) {
        region.putShortLe(offset, value);
      } else {
        area.memory().putShortLe(offset - area.offset(), value);
      }
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public void putIntLe(long offset, int value) {
    try {
      if (whole != null) {
        whole.putIntLe(offset, value);
        return;
      }
      MappedArea area = areaOf(offset, Integer.BYTES);
      if (area == null) {
        region.putIntLe(offset, value);
      } else {
        area.memory().putIntLe(offset - area.offset(), value);
      }
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public void putLongLe(long offset, long value) {
    try {
      if (whole != null) {
        whole.putLongLe(offset, value);
        return;
      }
      MappedArea area = areaOf(offset, Long.BYTES);
      if (area == null) {
        region.putLongLe(offset, value);
      } else {
        area.memory().putLongLe(offset - area.offset(), value);
      }
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Copies {@code length} bytes from {@code offset} on into {@code target}, in accesses of any
   * width and order: for memory of the device, not for its registers.
   */
  public void read(long offset, byte[] target, int start, int length) {
    Objects.checkFromIndexSize(start, length, target.length);
    try {
      checkRange(offset, length);
      for (int done = 0; done < length; ) {
        long at = offset + done;
        MappedArea area = areaOf(at, 1);
        int count = run(area, at, length - done);
        if (area == null) {
          region.read(at, target, start + done, count);
        } else {
          area.memory().read(at - area.offset(), target, start + done, count);
        }
        done += count;
      }
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Copies {@code length} bytes of {@code source} to {@code offset}, as {@link #read} does. */
  public void write(long offset, byte[] source, int start, int length) {
    Objects.checkFromIndexSize(start, length, source.length);
    try {
      checkRange(offset, length);
      for (int done = 0; done < length; ) {
        long at = offset + done;
        MappedArea area = areaOf(at, 1);
        int count = run(area, at, length - done);
        if (area == null) {
          region.write(at, source, start + done, count);
        } else {
          area.memory().write(at - area.offset(), source, start + done, count);
        }
        done += count;
      }
    } catch (VfioException | InternalError e) {
      throw failure(e, offset);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** The area with all of these bytes, null when they are in a hole, or out of the region. */
  private MappedArea areaOf(long offset, int length) {
    for (int i = 0; i < areas.size(); i++) {
      MappedArea area = areas.get(i);
      if (area.holds(offset, length)) {
        return area;
      }
    }
    if (isClosed()) {
      throw VfioException.failed(Reason.CLOSED, "access")
          .on("to " + this)
          .fact("it was unmapped")
          .build();
    }
    return null;
  }

  /** How many bytes from {@code at} on are in {@code area}, or in the hole before the next one. */
  private int run(MappedArea area, long at, int length) {
    if (area != null) {
      return (int) Math.min(length, area.offset() + area.memory().size() - at);
    }
    for (int i = 0; i < areas.size(); i++) {
      long next = areas.get(i).offset();
      if (next > at) {
        return (int) Math.min(length, next - at);
      }
    }
    return length;
  }

  /** Before the first byte is moved: a copy is done whole or not at all. */
  private void checkRange(long offset, int length) {
    if (offset < 0 || offset > size() - length) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "access of " + Units.bytes(length))
          .fact("the region has " + Units.bytes(size()))
          .build();
    }
  }

  /** The memory knows numbers; what a person wants to read is the region and the device. */
  private RuntimeException failure(Throwable cause, long offset) {
    if (cause instanceof VfioException e) {
      VfioException.Builder named =
          VfioException.failed(e.reason(), e.operation())
              .on("at offset " + Units.hex(offset) + " of " + region)
              .fact(e.fact())
              .hint(e.hint())
              .cause(e);
      e.errno().ifPresent(named::errno);
      return named.build();
    }
    if (cause.getMessage() == null || !cause.getMessage().contains(SIGBUS_TEXT)) {
      throw (InternalError) cause;
    }
    return VfioException.failed(Reason.DEVICE_FAULT, "access")
        .on("at offset " + Units.hex(offset) + " of " + region + ", or one shortly before")
        .fact(
            "the device did not answer: memory decoding is off, or it is in reset or gone (SIGBUS)")
        .hint("set the memory bit of the PCI command register: config().enableMemory(true)")
        .cause(cause)
        .build();
  }

  /** All of it, whatever fails; the first failure is thrown. */
  private static void unmap(Kernel kernel, List<MappedArea> areas, String name) {
    int failure = 0;
    for (MappedArea area : areas) {
      int result = kernel.munmap(area.memory());
      failure = failure == 0 ? result : failure;
    }
    if (failure < 0) {
      throw VfioException.failed(Reason.OTHER, "munmap").on("of " + name).result(failure).build();
    }
  }
}
