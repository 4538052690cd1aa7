// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_migration}: data of VFIO_DEVICE_FEATURE_MIGRATION. Linux 5.18.
 */
public final class VfioDeviceFeatureMigration extends Struct {
  public static final int SIZEOF = 8;
  public static final int FLAGS = 0;

  public VfioDeviceFeatureMigration() {
    super(SIZEOF);
  }

  public long flags() {
    return getLong(FLAGS);
  }

  public VfioDeviceFeatureMigration flags(long value) {
    putLong(FLAGS, value);
    return this;
  }
}
