// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_REGION_INFO_CAP_SPARSE_MMAP;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_REGION_INFO_CAP_TYPE;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.dma.IovaRange;

/**
 * A region of a mediated device, as VFIO_DEVICE_GET_REGION_INFO shows it.
 *
 * @param offset where in the file of the device it begins, in bytes
 * @param size in bytes; 0 where there is nothing
 * @param flags {@code VFIO_REGION_INFO_FLAG_} bits, but for that of capabilities
 * @param capabilities in the order of the answer
 */
public record MediatedRegion(
    long offset, long size, int flags, List<MediatedRegion.Capability> capabilities) {
  public MediatedRegion {
    capabilities = List.copyOf(capabilities);
  }

  /** Without capabilities. */
  public MediatedRegion(long offset, long size, int flags) {
    this(offset, size, flags, List.of());
  }

  /**
   * What the kernel says of a region beside its place.
   *
   * @param id {@code VFIO_REGION_INFO_CAP_}
   * @param words what follows the header of the capability, 32 bits each
   */
  public record Capability(int id, List<Integer> words) {
    public Capability {
      words = List.copyOf(words);
    }
  }

  /** The same, of a type of its own: {@code VFIO_REGION_TYPE_} and one of its subtypes. */
  public MediatedRegion ofType(int type, int subtype) {
    return with(new Capability(VFIO_REGION_INFO_CAP_TYPE, List.of(type, subtype)));
  }

  /** The same, of which no more than these parts, in bytes from its start on, can be mapped. */
  public MediatedRegion mappableAt(IovaRange... areas) {
    List<Integer> words = new ArrayList<>(List.of(areas.length, 0));
    for (IovaRange area : areas) {
      long length = area.last() - area.start() + 1;
      for (long value : new long[] {area.start(), length}) {
        words.add((int) value);
        words.add((int) (value >>> Integer.SIZE));
      }
    }
    return with(new Capability(VFIO_REGION_INFO_CAP_SPARSE_MMAP, words));
  }

  private MediatedRegion with(Capability capability) {
    List<Capability> all = new ArrayList<>(capabilities);
    all.add(capability);
    return new MediatedRegion(offset, size, flags, all);
  }

  /** Whether a position in the file of the device is in it. */
  public boolean contains(long position) {
    return position >= offset && position - offset < size;
  }
}
