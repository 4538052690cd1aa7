// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_pci_hot_reset_info}: the argument of VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
 * followed by the functions.
 */
public final class VfioPciHotResetInfo extends Struct {
  public static final int SIZEOF = 12;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int COUNT = 8;
  public static final int DEVICES = 12;

  /** With room for functions behind the struct, in bytes. */
  public VfioPciHotResetInfo(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioPciHotResetInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioPciHotResetInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int count() {
    return getInt(COUNT);
  }

  public VfioPciHotResetInfo count(int value) {
    putInt(COUNT, value);
    return this;
  }
}
