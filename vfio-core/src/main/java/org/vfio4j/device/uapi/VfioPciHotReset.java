// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_pci_hot_reset}: the argument of VFIO_DEVICE_PCI_HOT_RESET, followed by the
 * descriptors of groups.
 */
public final class VfioPciHotReset extends Struct {
  public static final int SIZEOF = 12;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int COUNT = 8;
  public static final int GROUP_FDS = 12;

  /** With room for descriptors behind the struct, in bytes. */
  public VfioPciHotReset(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioPciHotReset argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioPciHotReset flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int count() {
    return getInt(COUNT);
  }

  public VfioPciHotReset count(int value) {
    putInt(COUNT, value);
    return this;
  }
}
