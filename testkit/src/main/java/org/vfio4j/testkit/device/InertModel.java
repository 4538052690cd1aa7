// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/** A device that does nothing: its registers read as 0, and writes have no effect. */
public final class InertModel implements DeviceModel {
  private final PciFunction function;

  public InertModel(PciFunction function) {
    this.function = function;
  }

  @Override
  public PciFunction function() {
    return function;
  }

  @Override
  public void connect(DeviceBus bus) {}

  @Override
  public long read(int bar, long offset, int width) {
    return 0;
  }

  @Override
  public void write(int bar, long offset, int width, long value) {}

  @Override
  public void reset() {}
}
