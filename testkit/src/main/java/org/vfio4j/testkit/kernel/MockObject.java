// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** That the self-test has made, bound and attached a device: destroying it undoes all three. */
final class MockObject extends IommufdObject {
  private IommufdDevice device;

  MockObject(IommufdContext context) {
    super(context);
  }

  IommufdDevice device() {
    return device;
  }

  void device(IommufdDevice bound) {
    device = bound;
  }

  @Override
  void destroyed() {
    if (device != null) {
      device.unbind();
    }
  }
}
