// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelFeature;
import org.vfio4j.memory.NativeBlock;

/**
 * What one iommufd has and an older one has not: calls, and fields that calls got later.
 *
 * <p>The kernel is asked without any effect. A call that it has finds fault with an argument of
 * size 0 (EINVAL), one that it lacks is ENOTTY. An argument with a field that it does not know is
 * E2BIG before anything else is looked at; where it knows the field, something else in the argument
 * is refused.
 */
public enum IommufdFeature implements KernelFeature {
  HWPT_ALLOC("IOMMU_HWPT_ALLOC", IommufdUapi.IOMMU_HWPT_ALLOC),
  GET_HW_INFO("IOMMU_GET_HW_INFO", IommufdUapi.IOMMU_GET_HW_INFO),
  HWPT_SET_DIRTY_TRACKING(
      "IOMMU_HWPT_SET_DIRTY_TRACKING", IommufdUapi.IOMMU_HWPT_SET_DIRTY_TRACKING),
  HWPT_GET_DIRTY_BITMAP("IOMMU_HWPT_GET_DIRTY_BITMAP", IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP),
  HWPT_INVALIDATE("IOMMU_HWPT_INVALIDATE", IommufdUapi.IOMMU_HWPT_INVALIDATE),
  FAULT_QUEUE_ALLOC("IOMMU_FAULT_QUEUE_ALLOC", IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC),
  IOAS_MAP_FILE("IOMMU_IOAS_MAP_FILE", IommufdUapi.IOMMU_IOAS_MAP_FILE),
  VIOMMU_ALLOC("IOMMU_VIOMMU_ALLOC", IommufdUapi.IOMMU_VIOMMU_ALLOC),
  VDEVICE_ALLOC("IOMMU_VDEVICE_ALLOC", IommufdUapi.IOMMU_VDEVICE_ALLOC),
  IOAS_CHANGE_PROCESS("IOMMU_IOAS_CHANGE_PROCESS", IommufdUapi.IOMMU_IOAS_CHANGE_PROCESS),
  VEVENTQ_ALLOC("IOMMU_VEVENTQ_ALLOC", IommufdUapi.IOMMU_VEVENTQ_ALLOC),
  /** With it /dev/iommu can be mapped. */
  HW_QUEUE_ALLOC("IOMMU_HW_QUEUE_ALLOC", IommufdUapi.IOMMU_HW_QUEUE_ALLOC),
  IOAS_NOIOMMU_GET_PA("IOMMU_IOAS_NOIOMMU_GET_PA", IommufdUapi.IOMMU_IOAS_NOIOMMU_GET_PA),
  /** Page tables with data for the hardware, for dirty tracking and for nesting. */
  HWPT_DATA("iommu_hwpt_alloc.data_uptr", IommufdUapi.IOMMU_HWPT_ALLOC) {
    @Override
    NativeBlock question() {
      IommuHwptAlloc alloc = new IommuHwptAlloc();
      alloc.putInt(IommuHwptAlloc.SIZE, IommuHwptAlloc.FAULT_ID);
      alloc.putInt(IommuHwptAlloc.RESERVED, 1);
      alloc.putLong(IommuHwptAlloc.DATA_UPTR, 1);
      return alloc;
    }
  },
  /** Page tables with a fault queue. */
  HWPT_FAULT_ID("iommu_hwpt_alloc.fault_id", IommufdUapi.IOMMU_HWPT_ALLOC) {
    @Override
    NativeBlock question() {
      IommuHwptAlloc alloc = new IommuHwptAlloc();
      alloc.putInt(IommuHwptAlloc.RESERVED, 1);
      alloc.putInt(IommuHwptAlloc.FAULT_ID, 1);
      return alloc;
    }
  },
  /** Hardware information with capabilities. */
  HW_CAPABILITIES("iommu_hw_info.out_capabilities", IommufdUapi.IOMMU_GET_HW_INFO) {
    @Override
    NativeBlock question() {
      // No device has the id 0.
      IommuHwInfo info = new IommuHwInfo();
      info.putLong(IommuHwInfo.OUT_CAPABILITIES, 1);
      return info;
    }
  },
  /** Virtual IOMMUs with data for the hardware. */
  VIOMMU_DATA("iommu_viommu_alloc.data_uptr", IommufdUapi.IOMMU_VIOMMU_ALLOC) {
    @Override
    NativeBlock question() {
      IommuViommuAlloc alloc = new IommuViommuAlloc();
      alloc.putInt(IommuViommuAlloc.FLAGS, -1);
      alloc.putLong(IommuViommuAlloc.DATA_UPTR, 1);
      return alloc;
    }
  };

  private final String kernelName;
  private final int request;

  IommufdFeature(String kernelName, int request) {
    this.kernelName = kernelName;
    this.request = request;
  }

  @Override
  public String kernelName() {
    return kernelName;
  }

  /** An argument that the kernel refuses, if not as one that it does not know. */
  NativeBlock question() {
    return new NativeBlock(Long.BYTES);
  }

  boolean isIn(Kernel kernel, int fd) {
    int result = kernel.ioctl(fd, request, question());
    return !Errno.ENOTTY.is(result) && !Errno.E2BIG.is(result);
  }
}
