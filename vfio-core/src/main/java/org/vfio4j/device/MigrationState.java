// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * What a device that can migrate is doing.
 *
 * <p>Source: {@code enum vfio_device_mig_state} in {@code include/uapi/linux/vfio.h}.
 */
public enum MigrationState {
  /** It failed and is good for nothing until {@link VfioDevice#reset()}. Cannot be set. */
  ERROR(VfioDeviceUapi.VFIO_DEVICE_STATE_ERROR),
  /** It does nothing: no interrupt, no DMA, its state does not change. */
  STOP(VfioDeviceUapi.VFIO_DEVICE_STATE_STOP),
  /** As every device is that nobody migrates. */
  RUNNING(VfioDeviceUapi.VFIO_DEVICE_STATE_RUNNING),
  /** Stopped, and its state can be read from a {@link SavingStream}. */
  STOP_COPY(VfioDeviceUapi.VFIO_DEVICE_STATE_STOP_COPY),
  /** Stopped, and takes a state that is written to a {@link ResumingStream}. */
  RESUMING(VfioDeviceUapi.VFIO_DEVICE_STATE_RESUMING),
  /** Running, but for DMA to other devices. Optional. */
  RUNNING_P2P(VfioDeviceUapi.VFIO_DEVICE_STATE_RUNNING_P2P),
  /** Running, and a part of its state can be read already. Optional. */
  PRE_COPY(VfioDeviceUapi.VFIO_DEVICE_STATE_PRE_COPY),
  /** {@link #PRE_COPY} and {@link #RUNNING_P2P} in one. Optional. */
  PRE_COPY_P2P(VfioDeviceUapi.VFIO_DEVICE_STATE_PRE_COPY_P2P);

  private final int number;

  MigrationState(int number) {
    this.number = number;
  }

  /** {@code VFIO_DEVICE_STATE_}. */
  public int number() {
    return number;
  }

  /** Whether the state of the device can be read in this one. */
  public boolean isSaving() {
    return this == STOP_COPY || this == PRE_COPY || this == PRE_COPY_P2P;
  }

  /** Null where there is no such state. */
  static MigrationState of(int number) {
    for (MigrationState state : values()) {
      if (state.number == number) {
        return state;
      }
    }
    return null;
  }
}
