// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * What a device can do beside regions and interrupts, as far as its driver offers it:
 * VFIO_DEVICE_FEATURE.
 *
 * <p>Source: {@code include/uapi/linux/vfio.h}.
 */
public enum DeviceFeature {
  /** The secret between users of a physical function and of its virtual functions. */
  PCI_VF_TOKEN(VfioDeviceUapi.VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, Access.SET, "5.7"),
  /** What of {@link Migration} the device can. */
  MIGRATION(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIGRATION, Access.GET, "5.18"),
  /** The state of {@link Migration}. */
  MIG_DEVICE_STATE(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, Access.GET_AND_SET, "5.18"),
  /** See {@link LowPower}. */
  LOW_POWER_ENTRY(VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, Access.SET, "6.1"),
  /** See {@link LowPower}. */
  LOW_POWER_ENTRY_WITH_WAKEUP(
      VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, Access.SET, "6.1"),
  /** See {@link LowPower}. */
  LOW_POWER_EXIT(VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, Access.SET, "6.1"),
  /** See {@link DmaLogging}. */
  DMA_LOGGING_START(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_START, Access.SET, "6.1"),
  /** See {@link DmaLogging}. */
  DMA_LOGGING_STOP(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, Access.SET, "6.1"),
  /** See {@link DmaLogging}. */
  DMA_LOGGING_REPORT(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, Access.GET, "6.1"),
  /** How much {@link Migration} will have to move at least. */
  MIG_DATA_SIZE(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, Access.GET, "6.2"),
  /** Bus mastering of a device without a configuration space: vfio-cdx. */
  BUS_MASTER(VfioDeviceUapi.VFIO_DEVICE_FEATURE_BUS_MASTER, Access.SET, "6.7"),
  /** See {@link DmaBuf}. */
  DMA_BUF(VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_BUF, Access.GET, "6.19"),
  /** That {@link PreCopyInfo} may tell of new initial data. */
  MIG_PRECOPY_INFO_V2(VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, Access.SET, "7.1");

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
  private final String since;

  DeviceFeature(int number, Access access, String since) {
    this.number = number;
    this.access = access;
    this.since = since;
  }

  /** As in the low 16 bits of the flags of VFIO_DEVICE_FEATURE. */
  public int number() {
    return number;
  }

  public Access access() {
    return access;
  }

  /** The first release of Linux that has it: {@code 5.18}. */
  public String since() {
    return since;
  }
}
