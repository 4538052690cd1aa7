// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.linux.KernelFeature;

/**
 * What a device can do beside regions and interrupts, as far as its driver offers it:
 * VFIO_DEVICE_FEATURE.
 *
 * <p>Source: {@code include/uapi/linux/vfio.h}.
 */
public enum DeviceFeature implements KernelFeature {
  /** The secret between users of a physical function and of its virtual functions. */
  PCI_VF_TOKEN(VfioDeviceUapi.VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, Access.SET),
  /** What of {@link Migration} the device can. */
  MIGRATION(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIGRATION, Access.GET),
  /** The state of {@link Migration}. */
  MIG_DEVICE_STATE(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, Access.GET_AND_SET),
  /** See {@link LowPower}. */
  LOW_POWER_ENTRY(VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, Access.SET),
  /** See {@link LowPower}. */
  LOW_POWER_ENTRY_WITH_WAKEUP(
      VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, Access.SET),
  /** See {@link LowPower}. */
  LOW_POWER_EXIT(VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, Access.SET),
  /** See {@link DmaLogging}. */
  DMA_LOGGING_START(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_START, Access.SET),
  /** See {@link DmaLogging}. */
  DMA_LOGGING_STOP(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, Access.SET),
  /** See {@link DmaLogging}. */
  DMA_LOGGING_REPORT(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, Access.GET),
  /** How much {@link Migration} will have to move at least. */
  MIG_DATA_SIZE(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, Access.GET),
  /** Bus mastering of a device without a configuration space: vfio-cdx. */
  BUS_MASTER(VfioDeviceUapi.VFIO_DEVICE_FEATURE_BUS_MASTER, Access.SET),
  /** See {@link DmaBuf}. */
  DMA_BUF(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_BUF, Access.GET),
  /** That {@link PreCopyInfo} may tell of new initial data. */
  MIG_PRECOPY_INFO_V2(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, Access.SET);

  /** What can be done with a feature. */
  public enum Access {
    GET(VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET),
    SET(VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET),
    GET_AND_SET(VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET | VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET);

    private final int flags;

    Access(int flags) {
      this.flags = flags;
    }

    /** {@code VFIO_DEVICE_FEATURE_} flags. */
    public int flags() {
      return flags;
    }
  }

  private final int number;
  private final Access access;

  DeviceFeature(int number, Access access) {
    this.number = number;
    this.access = access;
  }

  /** As in the low 16 bits of the flags of VFIO_DEVICE_FEATURE. */
  public int number() {
    return number;
  }

  public Access access() {
    return access;
  }

  @Override
  public String kernelName() {
    return "VFIO_DEVICE_FEATURE_" + (this == MIG_PRECOPY_INFO_V2 ? "MIG_PRECOPY_INFOv2" : name());
  }
}
