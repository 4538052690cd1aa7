// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommuDestroy;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwInfoVtd;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptSetDirtyTracking;
import org.vfio4j.iommufd.uapi.IommuIoasAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasIovaRanges;
import org.vfio4j.iommufd.uapi.IommuIovaRange;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;

/**
 * The calls that the bridge makes on the kernel below, each counted for the call that it serves:
 * all of them, but for those that pass through and those that are made often.
 */
final class DeviceCentric {
  private static final int FIRST_GUESS_OF_RANGES = 8;
  private static final long PER_PROCESS = 1;

  private final Kernel below;
  private final Tally tally;

  DeviceCentric(Kernel below, Tally tally) {
    this.below = below;
    this.tally = tally;
  }

  Kernel below() {
    return below;
  }

  /**
   * A context that counts locked memory per process, as type1 does, where this process may say so.
   */
  int openIommufd(Cause cause) throws BridgeRefusal {
    tally.count(cause, DeviceCall.OPEN_IOMMUFD);
    int fd = BridgeRefusal.check(below.open(below.roots().dev("iommu"), Linux.O_RDWR));
    tally.count(cause, DeviceCall.IOMMU_OPTION);
    below.ioctl(
        fd,
        IommufdUapi.IOMMU_OPTION,
        new IommuOption()
            .optionId(IommufdUapi.IOMMU_OPTION_RLIMIT_MODE)
            .op((short) IommufdUapi.IOMMU_OPTION_OP_SET)
            .val64(PER_PROCESS));
    return fd;
  }

  int allocateIoas(Cause cause, int iommufd) throws BridgeRefusal {
    tally.count(cause, DeviceCall.IOMMU_IOAS_ALLOC);
    IommuIoasAlloc alloc = new IommuIoasAlloc();
    BridgeRefusal.check(below.ioctl(iommufd, IommufdUapi.IOMMU_IOAS_ALLOC, alloc));
    return alloc.outIoasId();
  }

  /** Where something can be mapped, ascending. */
  List<IovaRange> iovaRanges(Cause cause, int iommufd, int ioas) throws BridgeRefusal {
    int room = FIRST_GUESS_OF_RANGES;
    while (true) {
      tally.count(cause, DeviceCall.IOMMU_IOAS_IOVA_RANGES);
      NativeBlock array = new NativeBlock(room * IommuIovaRange.SIZEOF);
      try {
        IommuIoasIovaRanges query =
            new IommuIoasIovaRanges().ioasId(ioas).numIovas(room).allowedIovas(array.address());
        int result = below.ioctl(iommufd, IommufdUapi.IOMMU_IOAS_IOVA_RANGES, query);
        if (Errno.EMSGSIZE.is(result) && query.numIovas() > room) {
          room = query.numIovas();
          continue;
        }
        BridgeRefusal.check(result);
        List<IovaRange> ranges = new ArrayList<>();
        for (int i = 0; i < query.numIovas(); i++) {
          int at = i * IommuIovaRange.SIZEOF;
          ranges.add(
              new IovaRange(
                  array.getLong(at + IommuIovaRange.START),
                  array.getLong(at + IommuIovaRange.LAST)));
        }
        return ranges;
      } finally {
        Reference.reachabilityFence(array);
      }
    }
  }

  /** Gives the id of a page table over the IOAS. */
  int allocateHwpt(Cause cause, int iommufd, int devId, int ioas, int flags) throws BridgeRefusal {
    tally.count(cause, DeviceCall.IOMMU_HWPT_ALLOC);
    IommuHwptAlloc alloc = new IommuHwptAlloc().flags(flags).devId(devId).ptId(ioas);
    BridgeRefusal.check(below.ioctl(iommufd, IommufdUapi.IOMMU_HWPT_ALLOC, alloc));
    return alloc.outHwptId();
  }

  /** The registers of the VT-d in front of a device; null where there is none, or none tells. */
  IommuHwInfoVtd vtd(Cause cause, int iommufd, int devId) {
    tally.count(cause, DeviceCall.IOMMU_GET_HW_INFO);
    IommuHwInfoVtd vtd = new IommuHwInfoVtd();
    try {
      IommuHwInfo info =
          new IommuHwInfo().devId(devId).dataLen(vtd.capacity()).dataUptr(vtd.address());
      int result = below.ioctl(iommufd, IommufdUapi.IOMMU_GET_HW_INFO, info);
      boolean told = result >= 0 && info.outDataType() == IommufdUapi.IOMMU_HW_INFO_TYPE_INTEL_VTD;
      return told ? vtd : null;
    } finally {
      Reference.reachabilityFence(vtd);
    }
  }

  void track(Cause cause, int iommufd, int hwpt, boolean on) throws BridgeRefusal {
    tally.count(cause, DeviceCall.IOMMU_HWPT_SET_DIRTY_TRACKING);
    BridgeRefusal.check(
        below.ioctl(
            iommufd,
            IommufdUapi.IOMMU_HWPT_SET_DIRTY_TRACKING,
            new IommuHwptSetDirtyTracking()
                .hwptId(hwpt)
                .flags(on ? IommufdUapi.IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0)));
  }

  void addDirty(
      Cause cause, int iommufd, int hwpt, long iova, long length, long page, NativeBlock bits)
      throws BridgeRefusal {
    tally.count(cause, DeviceCall.IOMMU_HWPT_GET_DIRTY_BITMAP);
    IommuHwptGetDirtyBitmap get =
        new IommuHwptGetDirtyBitmap()
            .hwptId(hwpt)
            .iova(iova)
            .length(length)
            .pageSize(page)
            .data(bits.address());
    try {
      BridgeRefusal.check(below.ioctl(iommufd, IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP, get));
    } finally {
      Reference.reachabilityFence(bits);
    }
  }

  /** Destroys an object that nothing uses any more. */
  void destroy(Cause cause, int iommufd, int id) {
    tally.count(cause, DeviceCall.IOMMU_DESTROY);
    below.ioctl(iommufd, IommufdUapi.IOMMU_DESTROY, new IommuDestroy().id(id));
  }

  int openNode(Cause cause, String node) throws BridgeRefusal {
    tally.count(cause, DeviceCall.OPEN_NODE);
    return BridgeRefusal.check(below.open(node, Linux.O_RDWR));
  }

  /** Gives the device id. */
  int bind(Cause cause, int device, int iommufd) throws BridgeRefusal {
    tally.count(cause, DeviceCall.VFIO_DEVICE_BIND_IOMMUFD);
    VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd().iommufd(iommufd);
    BridgeRefusal.check(below.ioctl(device, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind));
    return bind.outDevid();
  }

  void attach(Cause cause, int device, int pageTable) throws BridgeRefusal {
    tally.count(cause, DeviceCall.VFIO_DEVICE_ATTACH_IOMMUFD_PT);
    BridgeRefusal.check(
        below.ioctl(
            device,
            VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT,
            new VfioDeviceAttachIommufdPt().ptId(pageTable)));
  }

  void detach(Cause cause, int device) {
    tally.count(cause, DeviceCall.VFIO_DEVICE_DETACH_IOMMUFD_PT);
    below.ioctl(
        device, VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT, new VfioDeviceDetachIommufdPt());
  }

  void close(Cause cause, int fd) {
    tally.count(cause, DeviceCall.CLOSE);
    below.close(fd);
  }
}
