// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_info_cap_pci_atomic_comp}: the widths of atomic operations that the
 * root port completes. Linux 6.5.
 */
public final class VfioDeviceInfoCapPciAtomicComp extends Struct {
  public static final int SIZEOF = 16;
  public static final int FLAGS = 8;

  public VfioDeviceInfoCapPciAtomicComp() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceInfoCapPciAtomicComp flags(int value) {
    putInt(FLAGS, value);
    return this;
  }
}
