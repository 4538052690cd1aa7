// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.trace;

import java.util.Optional;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingControl;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingRange;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingReport;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmap;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmapGet;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommuIoasAllowIovas;
import org.vfio4j.iommufd.uapi.IommuIoasIovaRanges;
import org.vfio4j.iommufd.uapi.IommuIovaRange;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.trace.IoctlArray;
import org.vfio4j.memory.NativeBlock;

/**
 * The arrays that arguments of VFIO and iommufd point to: all there are but for memory that is
 * mapped for devices, whose address is what the kernel is told.
 */
final class IoctlArrays {
  private static final int START =
      VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET | VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_START;

  private static final int REPORT =
      VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET
          | VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT;

  private static final int UUID = 16;

  private IoctlArrays() {}

  /** By the number and, where two files have the same for different calls, by the flags. */
  static Optional<IoctlArray> find(int request, NativeBlock argument) {
    return switch (request) {
      case IommufdUapi.IOMMU_GET_HW_INFO ->
          counted(argument, IommuHwInfo.DATA_UPTR, IommuHwInfo.DATA_LEN, 1);
      case IommufdUapi.IOMMU_HWPT_ALLOC ->
          counted(argument, IommuHwptAlloc.DATA_UPTR, IommuHwptAlloc.DATA_LEN, 1);
      case IommufdUapi.IOMMU_VIOMMU_ALLOC ->
          counted(argument, IommuViommuAlloc.DATA_UPTR, IommuViommuAlloc.DATA_LEN, 1);
      case IommufdUapi.IOMMU_IOAS_IOVA_RANGES ->
          counted(
              argument,
              IommuIoasIovaRanges.ALLOWED_IOVAS,
              IommuIoasIovaRanges.NUM_IOVAS,
              IommuIovaRange.SIZEOF);
      case IommufdUapi.IOMMU_IOAS_ALLOW_IOVAS ->
          counted(
              argument,
              IommuIoasAllowIovas.ALLOWED_IOVAS,
              IommuIoasAllowIovas.NUM_IOVAS,
              IommuIovaRange.SIZEOF);
      case IommufdUapi.IOMMU_HWPT_INVALIDATE ->
          argument.capacity() < IommuHwptInvalidate.SIZEOF
              ? Optional.empty()
              : counted(
                  argument,
                  IommuHwptInvalidate.DATA_UPTR,
                  IommuHwptInvalidate.ENTRY_NUM,
                  unsigned(argument, IommuHwptInvalidate.ENTRY_LEN));
      case IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP ->
          bitmap(
              argument,
              IommuHwptGetDirtyBitmap.DATA,
              IommuHwptGetDirtyBitmap.LENGTH,
              IommuHwptGetDirtyBitmap.PAGE_SIZE);
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA ->
          flags(argument) == VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
              ? vfioBitmap(argument, VfioIommuType1DmaUnmap.SIZEOF)
              : Optional.empty();
      // VFIO_IOMMU_DIRTY_PAGES has the same number.
      case VfioDeviceUapi.VFIO_DEVICE_FEATURE -> feature(argument);
      case VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD ->
          flags(argument) == VfioCdevUapi.VFIO_DEVICE_BIND_FLAG_TOKEN
              ? array(argument, VfioDeviceBindIommufd.TOKEN_UUID_PTR, UUID)
              : Optional.empty();
      default -> Optional.empty();
    };
  }

  private static Optional<IoctlArray> feature(NativeBlock argument) {
    int flags = flags(argument);
    int data = VfioDeviceFeature.DATA;
    if (flags == VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP) {
      return vfioBitmap(
          argument, VfioIommuType1DirtyBitmap.SIZEOF + VfioIommuType1DirtyBitmapGet.BITMAP);
    }
    return switch (flags) {
      case START ->
          counted(
              argument,
              data + VfioDeviceFeatureDmaLoggingControl.RANGES,
              data + VfioDeviceFeatureDmaLoggingControl.NUM_RANGES,
              VfioDeviceFeatureDmaLoggingRange.SIZEOF);
      case REPORT ->
          bitmap(
              argument,
              data + VfioDeviceFeatureDmaLoggingReport.BITMAP,
              data + VfioDeviceFeatureDmaLoggingReport.LENGTH,
              data + VfioDeviceFeatureDmaLoggingReport.PAGE_SIZE);
      default -> Optional.empty();
    };
  }

  /** The second field of all structs of VFIO. */
  private static int flags(NativeBlock argument) {
    return argument.capacity() < Long.BYTES ? 0 : argument.getInt(Integer.BYTES);
  }

  private static Optional<IoctlArray> vfioBitmap(NativeBlock argument, int at) {
    return argument.capacity() < at + VfioBitmap.SIZEOF
        ? Optional.empty()
        : array(argument, at + VfioBitmap.DATA, argument.getLong(at + VfioBitmap.SIZE));
  }

  /** A bit for each page of a range. */
  private static Optional<IoctlArray> bitmap(
      NativeBlock argument, int pointer, int length, int pageSize) {
    if (argument.capacity() < pointer + Long.BYTES) {
      return Optional.empty();
    }
    long bytes = argument.getLong(length);
    long page = argument.getLong(pageSize);
    long lastBit = bytes == 0 || page == 0 ? -1 : Long.divideUnsigned(bytes - 1, page);
    return array(argument, pointer, lastBit < 0 ? 0 : (lastBit >>> 3) + 1);
  }

  private static Optional<IoctlArray> counted(
      NativeBlock argument, int pointer, int count, long size) {
    return argument.capacity() < Math.max(pointer + Long.BYTES, count + Integer.BYTES)
        ? Optional.empty()
        : array(argument, pointer, unsigned(argument, count) * size);
  }

  private static Optional<IoctlArray> array(NativeBlock argument, int pointer, long length) {
    return argument.capacity() < pointer + Long.BYTES
        ? Optional.empty()
        : Optional.of(new IoctlArray(pointer, length));
  }

  private static long unsigned(NativeBlock argument, int offset) {
    return Integer.toUnsignedLong(argument.getInt(offset));
  }
}
