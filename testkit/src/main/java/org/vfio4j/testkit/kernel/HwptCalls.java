// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommuHwptSetDirtyTracking;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * The calls of an iommufd that are about page tables of hardware.
 *
 * <p>Source: {@code drivers/iommu/iommufd/hw_pagetable.c}, {@code io_pagetable.c} and {@code
 * device.c}, where the checks are in the same order.
 */
final class HwptCalls {
  private static final int MOST_ENTRIES = 1 << 19;

  private final KernelVersion version;
  private final IommufdContext context;

  HwptCalls(KernelVersion version, IommufdContext context) {
    this.version = version;
    this.context = context;
  }

  /** IOMMU_HWPT_ALLOC. */
  void allocate(IommufdCommand alloc) {
    int type = alloc.getInt(IommuHwptAlloc.DATA_TYPE);
    int length = alloc.getInt(IommuHwptAlloc.DATA_LEN);
    int flags = alloc.getInt(IommuHwptAlloc.FLAGS);
    // With page tables of one kind, flags and what is no IOAS were looked at otherwise.
    boolean firstOnes = !version.hasDirtyTracking();
    boolean unknown = alloc.getInt(IommuHwptAlloc.RESERVED) != 0 || (firstOnes && flags != 0);
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    KernelError.refuseIf((type == IommufdUapi.IOMMU_HWPT_DATA_NONE) != (length == 0), Errno.EINVAL);
    IommufdDevice device = context.device(alloc.getInt(IommuHwptAlloc.DEV_ID));
    IommufdObject from = context.find(alloc.getInt(IommuHwptAlloc.PT_ID));
    UserData data = new UserData(type, alloc.at(alloc.getLong(IommuHwptAlloc.DATA_UPTR)), length);
    Hwpt hwpt;
    if (from instanceof Ioas ioas) {
      checkPagingFlags(device.endpoint(), flags);
      hwpt = context.makePaging(ioas, device.endpoint(), driverFlags(flags), orNone(data));
      fill((PagingHwpt) hwpt);
    } else if (from instanceof PagingHwpt parent && !firstOnes) {
      hwpt = nested(device.endpoint(), parent, flags, data);
    } else if (from instanceof Viommu viommu) {
      hwpt = nested(device.endpoint(), viommu, flags, data);
    } else {
      throw KernelError.of(firstOnes ? Errno.ENOENT : Errno.EINVAL);
    }
    try {
      if ((flags & IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID) != 0) {
        hwpt.faultsTo(context.faultQueue(alloc.getInt(IommuHwptAlloc.FAULT_ID)));
      }
      if ((flags & IommufdUapi.IOMMU_HWPT_ALLOC_PASID) != 0) {
        hwpt.forPasids();
      }
      alloc.putInt(IommuHwptAlloc.OUT_HWPT_ID, hwpt.id()).respond();
    } catch (KernelError e) {
      context.remove(hwpt);
      throw e;
    }
  }

  private static UserData orNone(UserData data) {
    return data.length() == 0 ? null : data;
  }

  /** The fault queue is none of the driver's business. */
  private static int driverFlags(int flags) {
    return flags & ~IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;
  }

  private void checkPagingFlags(Endpoint device, int flags) {
    int known = 0;
    if (version.hasDirtyTracking()) {
      known |=
          IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT | IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
    }
    if (version.hasFaultsOfAllPageTables()) {
      known |= IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;
    }
    if (version.hasPasids()) {
      known |= IommufdUapi.IOMMU_HWPT_ALLOC_PASID;
    }
    KernelError.refuseIf((flags & ~known) != 0, Errno.EOPNOTSUPP);
    boolean dirty = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING) != 0;
    KernelError.refuseIf(dirty && !device.iommu().canTrackDirty(device), Errno.EOPNOTSUPP);
    boolean faults = (flags & IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID) != 0;
    boolean parent = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT) != 0;
    KernelError.refuseIf(faults && parent, Errno.EOPNOTSUPP);
  }

  private void fill(PagingHwpt hwpt) {
    KernelError.orUndo(hwpt::fill, () -> context.remove(hwpt));
  }

  private void checkNestedFlags(int flags, UserData data) {
    int known = 0;
    if (version.hasFaultQueues()) {
      known |= IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;
    }
    if (version.hasPasids()) {
      known |= IommufdUapi.IOMMU_HWPT_ALLOC_PASID;
    }
    KernelError.refuseIf((flags & ~known) != 0 || data.length() == 0, Errno.EOPNOTSUPP);
  }

  private Hwpt nested(Endpoint device, PagingHwpt parent, int flags, UserData data) {
    checkNestedFlags(flags, data);
    boolean wrong =
        parent.isAutomatic() || !parent.isNestParent() || parent.domain().owner() != device.iommu();
    KernelError.refuseIf(wrong, Errno.EINVAL);
    NestedDomain domain =
        device.iommu().allocateNested(device, driverFlags(flags), parent.domain(), data);
    NestedHwpt hwpt = new NestedHwpt(context, parent, parent, domain);
    context.add(hwpt);
    return hwpt;
  }

  private Hwpt nested(Endpoint device, Viommu viommu, int flags, UserData data) {
    checkNestedFlags(flags, data);
    KernelError.refuseIf(viommu.driver() != device.iommu(), Errno.EINVAL);
    NestedDomain domain = viommu.allocateNested(driverFlags(flags), data);
    NestedHwpt hwpt = new NestedHwpt(context, viommu.parent(), viommu, domain);
    context.add(hwpt);
    return hwpt;
  }

  /** IOMMU_HWPT_SET_DIRTY_TRACKING. */
  void setDirtyTracking(IommufdCommand set) {
    int flags = set.getInt(IommuHwptSetDirtyTracking.FLAGS);
    KernelError.refuseIf(
        (flags & ~IommufdUapi.IOMMU_HWPT_DIRTY_TRACKING_ENABLE) != 0, Errno.EOPNOTSUPP);
    context.paging(set.getInt(IommuHwptSetDirtyTracking.HWPT_ID)).domain().track(flags != 0);
  }

  /** IOMMU_HWPT_GET_DIRTY_BITMAP. */
  void getDirtyBitmap(IommufdCommand get) {
    int flags = get.getInt(IommuHwptGetDirtyBitmap.FLAGS);
    int known = IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR;
    boolean unknown = (flags & ~known) != 0 || get.getInt(IommuHwptGetDirtyBitmap.RESERVED) != 0;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    PagingHwpt hwpt = context.paging(get.getInt(IommuHwptGetDirtyBitmap.HWPT_ID));
    long iova = get.getLong(IommuHwptGetDirtyBitmap.IOVA);
    long length = get.getLong(IommuHwptGetDirtyBitmap.LENGTH);
    long pageSize = get.getLong(IommuHwptGetDirtyBitmap.PAGE_SIZE);
    KernelError.refuseIf(length == 0 && version.refusesEmptyBitmaps(), Errno.EINVAL);
    long last = iova + length - 1;
    KernelError.refuseIf(Long.compareUnsigned(last, iova) < 0, Errno.EOVERFLOW);
    long ends = iova | (last + 1);
    KernelError.refuseIf((ends & (hwpt.ioas().alignment() - 1)) != 0, Errno.EINVAL);
    KernelError.refuseIf(pageSize == 0 || (ends & (pageSize - 1)) != 0, Errno.EINVAL);
    KernelError.refuseIf(!hwpt.domain().hasDirtyOps(), Errno.EOPNOTSUPP);
    UserBitmap bitmap =
        new UserBitmap(get.at(0), get.getLong(IommuHwptGetDirtyBitmap.DATA), iova, pageSize);
    // Off, the driver refuses, which the caller is not told.
    if (hwpt.domain().isTracking()) {
      readDirty(hwpt, iova, last, flags == 0, bitmap);
      bitmap.flush();
    }
  }

  /** Up to the first IOVA that is not mapped. */
  private static void readDirty(
      PagingHwpt hwpt, long iova, long last, boolean clear, UserBitmap bitmap) {
    for (long at = iova; ; ) {
      Mapping area = hwpt.ioas().areas().find(at);
      if (area == null) {
        return;
      }
      long end = Long.compareUnsigned(area.last(), last) < 0 ? area.last() : last;
      hwpt.domain().readDirty(at, end, clear, bitmap::set);
      if (end == last) {
        return;
      }
      at = end + 1;
    }
  }

  /** IOMMU_HWPT_INVALIDATE: how many entries were done is told in every case. */
  void invalidate(IommufdCommand invalidate) {
    int entries = invalidate.getInt(IommuHwptInvalidate.ENTRY_NUM);
    UserArray array =
        new UserArray(
            invalidate.getInt(IommuHwptInvalidate.DATA_TYPE),
            invalidate.at(invalidate.getLong(IommuHwptInvalidate.DATA_UPTR)),
            invalidate.getInt(IommuHwptInvalidate.ENTRY_LEN),
            entries);
    KernelError refused = null;
    try {
      checkInvalidation(invalidate, entries);
      invalidate(invalidate.getInt(IommuHwptInvalidate.HWPT_ID), array);
    } catch (KernelError e) {
      refused = e;
    }
    invalidate.putInt(IommuHwptInvalidate.ENTRY_NUM, array.done()).respond();
    if (refused != null) {
      throw refused;
    }
  }

  private void checkInvalidation(IommufdCommand invalidate, int entries) {
    KernelError.refuseIf(invalidate.getInt(IommuHwptInvalidate.RESERVED) != 0, Errno.EOPNOTSUPP);
    int length = invalidate.getInt(IommuHwptInvalidate.ENTRY_LEN);
    boolean none = invalidate.getLong(IommuHwptInvalidate.DATA_UPTR) == 0 || length == 0;
    boolean tooMuch =
        version.limitsInvalidations()
            && (Integer.compareUnsigned(length, UserMemory.PAGE) > 0
                || Integer.compareUnsigned(entries, MOST_ENTRIES) > 0);
    KernelError.refuseIf(entries != 0 && (none || tooMuch), Errno.EINVAL);
  }

  private void invalidate(int id, UserArray array) {
    IommufdObject object = context.find(id);
    if (object instanceof NestedHwpt hwpt) {
      hwpt.domain().invalidate(array);
    } else if (!version.hasVirtualIommus()) {
      throw KernelError.of(Errno.ENOENT);
    } else if (object instanceof Viommu viommu) {
      viommu.invalidate(array);
    } else {
      throw KernelError.of(object == null ? Errno.ENOENT : Errno.EINVAL);
    }
  }

  /** IOMMU_GET_HW_INFO. */
  void getHwInfo(IommufdCommand info) {
    int flags = info.getInt(IommuHwInfo.FLAGS);
    int known = version.hasChoiceOfHwInfo() ? IommufdUapi.IOMMU_HW_INFO_FLAG_INPUT_TYPE : 0;
    boolean reserved = !version.tellsOfPasids() && info.getByte(IommuHwInfo.RESERVED - 1) != 0;
    for (int i = IommuHwInfo.RESERVED; i < IommuHwInfo.OUT_CAPABILITIES; i++) {
      reserved |= info.getByte(i) != 0;
    }
    KernelError.refuseIf((flags & ~known) != 0 || reserved, Errno.EOPNOTSUPP);
    Endpoint device = context.device(info.getInt(IommuHwInfo.DEV_ID)).endpoint();
    IommuDriver iommu = device.iommu();
    int asked = flags == 0 ? 0 : info.getInt(IommuHwInfo.OUT_DATA_TYPE);
    int type = asked == 0 ? iommu.hwInfoType() : asked;
    byte[] data = iommu.hwInfo(type);
    KernelError.refuseIf(data == null, Errno.EOPNOTSUPP);
    copyOut(info.at(info.getLong(IommuHwInfo.DATA_UPTR)), info.getInt(IommuHwInfo.DATA_LEN), data);
    long capabilities =
        version.hasDirtyTracking() && iommu.canTrackDirty(device)
            ? IommufdUapi.IOMMU_HW_CAP_DIRTY_TRACKING
            : 0;
    if (version.tellsOfPasids() && iommu.pasidBits(device) > 0) {
      capabilities |=
          IommufdUapi.IOMMU_HW_CAP_PCI_PASID_EXEC | IommufdUapi.IOMMU_HW_CAP_PCI_PASID_PRIV;
    }
    if (version.isAtLeast(7, 1) && !iommu.hasAts(device)) {
      capabilities |= IommufdUapi.IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
    }
    info.putInt(IommuHwInfo.OUT_DATA_TYPE, type)
        .putInt(IommuHwInfo.DATA_LEN, data.length)
        .putLong(IommuHwInfo.OUT_CAPABILITIES, capabilities);
    if (version.tellsOfPasids()) {
      info.putByte(IommuHwInfo.OUT_MAX_PASID_LOG2, iommu.pasidBits(device));
    }
    info.respond();
  }

  /** As much as the buffer takes; zeros behind it. */
  private static void copyOut(UserPointer target, int room, byte[] data) {
    int copied = Integer.compareUnsigned(room, data.length) < 0 ? room : data.length;
    byte[] head = new byte[copied];
    System.arraycopy(data, 0, head, 0, copied);
    target.put(0, head);
    long end = Integer.toUnsignedLong(room);
    for (long at = copied; at < end; ) {
      int length = (int) Math.min(UserMemory.PAGE, end - at);
      target.at(target.number() + at).put(0, new byte[length]);
      at += length;
    }
  }
}
