// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.testkit.device.DeviceBus;
import org.vfio4j.testkit.device.DeviceModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * A device that transfers four bytes when the test says so. What is written to it from its second
 * page on it keeps.
 */
class Busmaster implements DeviceModel {
  private static final int PAGE = 4096;

  private final PciFunction function =
      PciFunction.of(0x1234, 0x11e8).bar(0, 4 * PAGE, Space.MEMORY).resettable();
  private final byte[] kept = new byte[4 * PAGE];
  private DeviceBus bus;
  private boolean done;

  /** Whether the device could write four bytes, from 1 to 4, there. */
  static boolean writes(VfioDevice device, long address) {
    try (MappedRegion registers = device.region(VfioPci.BAR0).map()) {
      registers.putLongLe(0, address);
      return registers.getIntLe(0) != 0;
    }
  }

  byte kept(int offset) {
    return kept[offset];
  }

  @Override
  public PciFunction function() {
    return function;
  }

  @Override
  public void connect(DeviceBus connected) {
    bus = connected;
  }

  @Override
  public long read(int bar, long offset, int width) {
    if (offset >= PAGE) {
      return kept[(int) offset] & 0xff;
    }
    return done ? 1 : 0;
  }

  @Override
  public void write(int bar, long offset, int width, long value) {
    if (offset >= PAGE) {
      kept[(int) offset] = (byte) value;
    } else {
      done = bus.writeMemory(value, new byte[] {1, 2, 3, 4}, 0, 4);
    }
  }

  @Override
  public void reset() {}
}
