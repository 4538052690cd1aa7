// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_mig_data_size}: data of VFIO_DEVICE_FEATURE_MIG_DATA_SIZE.
 * Linux 6.2.
 */
public final class VfioDeviceFeatureMigDataSize extends Struct {
  public static final int SIZEOF = 8;
  public static final int STOP_COPY_LENGTH = 0;

  public VfioDeviceFeatureMigDataSize() {
    super(SIZEOF);
  }

  public long stopCopyLength() {
    return getLong(STOP_COPY_LENGTH);
  }

  public VfioDeviceFeatureMigDataSize stopCopyLength(long value) {
    putLong(STOP_COPY_LENGTH, value);
    return this;
  }
}
