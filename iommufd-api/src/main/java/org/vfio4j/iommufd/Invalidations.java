// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.lang.ref.Reference;
import java.util.Objects;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommuHwptVtdS1Invalidate;
import org.vfio4j.iommufd.uapi.IommuViommuArmSmmuv3Invalidate;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * What an IOMMU is to forget: an array of entries in the form of its make, filled, sent and used
 * again without a copy or an allocation.
 *
 * <p>Not thread safe.
 */
public final class Invalidations {
  /** As many as the kernel takes in one call. */
  public static final int MOST_ENTRIES = 1 << 19;

  private final int dataType;
  private final int entryLength;
  private final int room;
  private final NativeBlock entries;
  private final IommuHwptInvalidate argument = new IommuHwptInvalidate();
  private int count;
  private int done;

  private Invalidations(int dataType, int entryLength, int room) {
    if (room < 0 || room > MOST_ENTRIES || entryLength <= 0) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "invalidation array")
          .on("of " + room + " entries of " + entryLength + " bytes")
          .fact("the kernel takes at most " + MOST_ENTRIES + " entries at once")
          .build();
    }
    this.dataType = dataType;
    this.entryLength = entryLength;
    this.room = room;
    this.entries = new NativeBlock(Math.multiplyExact(room, entryLength));
  }

  /** For up to {@code room} entries of Intel VT-d: {@link #addVtd}. Linux 6.8. */
  public static Invalidations vtd(int room) {
    return new Invalidations(
        IommufdUapi.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, IommuHwptVtdS1Invalidate.SIZEOF, room);
  }

  /** For up to {@code room} commands of Arm SMMUv3: {@link #addArmSmmuV3}. Linux 6.13. */
  public static Invalidations armSmmuV3(int room) {
    return new Invalidations(
        IommufdUapi.IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
        IommuViommuArmSmmuv3Invalidate.SIZEOF,
        room);
  }

  /** For entries that this library has no name for: {@link #add}. */
  public static Invalidations of(int dataType, int entryLength, int room) {
    return new Invalidations(dataType, entryLength, room);
  }

  /**
   * Pages of the guest's.
   *
   * @param address the guest's address, aligned to 4096
   * @param pages how many pages of 4096 bytes; -1 with address 0 is everything
   * @param leafOnly only what was kept of the last level of the table
   */
  public Invalidations addVtd(long address, long pages, boolean leafOnly) {
    int at = next(IommufdUapi.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1);
    entries.putLong(at + IommuHwptVtdS1Invalidate.ADDR, address);
    entries.putLong(at + IommuHwptVtdS1Invalidate.NPAGES, pages);
    entries.putInt(
        at + IommuHwptVtdS1Invalidate.FLAGS, leafOnly ? IommufdUapi.IOMMU_VTD_INV_FLAGS_LEAF : 0);
    return this;
  }

  /** A command as the guest wrote it to its command queue. */
  public Invalidations addArmSmmuV3(long command0, long command1) {
    int at = next(IommufdUapi.IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3);
    entries.putLong(at + IommuViommuArmSmmuv3Invalidate.CMD, command0);
    entries.putLong(at + IommuViommuArmSmmuv3Invalidate.CMD + Long.BYTES, command1);
    return this;
  }

  /** An entry in its binary form. */
  public Invalidations add(NativeBlock entry) {
    Objects.checkFromIndexSize(0, entryLength, entry.capacity());
    int at = next(dataType);
    for (int i = 0; i < entryLength; i++) {
      entries.putByte(at + i, entry.getByte(i));
    }
    return this;
  }

  private int next(int type) {
    if (type != dataType || count == room) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "invalidation entry")
          .on("of data type " + type)
          .fact(
              type == dataType
                  ? "the array has room for " + room + " entries"
                  : "the array is for data type " + dataType)
          .build();
    }
    return count++ * entryLength;
  }

  /** How many entries were added. */
  public int count() {
    return count;
  }

  /** How many entries the IOMMU has done in the last call, from the first on. */
  public int done() {
    return done;
  }

  /** Forgets the entries, so that others can be added. */
  public void clear() {
    count = 0;
    done = 0;
  }

  /** IOMMU_HWPT_INVALIDATE of a page table or a virtual IOMMU, which the caller holds. */
  int send(Iommufd iommufd, int id) {
    argument
        .hwptId(id)
        .dataUptr(entries.address())
        .dataType(dataType)
        .entryLen(entryLength)
        .entryNum(count);
    try {
      int result =
          iommufd
              .kernel()
              .ioctl(iommufd.fdForChildren(), IommufdUapi.IOMMU_HWPT_INVALIDATE, argument);
      // A kernel that does not know the call leaves the argument alone.
      done = Errno.ENOTTY.is(result) ? 0 : argument.entryNum();
      return result;
    } finally {
      Reference.reachabilityFence(entries);
    }
  }

  @Override
  public String toString() {
    return count + " entries of data type " + Integer.toUnsignedString(dataType);
  }
}
