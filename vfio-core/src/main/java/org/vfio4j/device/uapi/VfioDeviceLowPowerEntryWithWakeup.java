// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_low_power_entry_with_wakeup}: data of
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP. Linux 6.1.
 */
public final class VfioDeviceLowPowerEntryWithWakeup extends Struct {
  public static final int SIZEOF = 8;
  public static final int WAKEUP_EVENTFD = 0;

  public VfioDeviceLowPowerEntryWithWakeup() {
    super(SIZEOF);
  }

  public int wakeupEventfd() {
    return getInt(WAKEUP_EVENTFD);
  }

  public VfioDeviceLowPowerEntryWithWakeup wakeupEventfd(int value) {
    putInt(WAKEUP_EVENTFD, value);
    return this;
  }
}
