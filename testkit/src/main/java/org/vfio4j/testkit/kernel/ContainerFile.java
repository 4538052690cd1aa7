// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** An open /dev/vfio/vfio. Groups keep its container when it is closed. */
final class ContainerFile extends CharacterFile {
  private final Container container;

  ContainerFile(Core core) {
    super("/dev/vfio/vfio");
    this.container = new Container(core);
  }

  Container container() {
    return container;
  }

  @Override
  int ioctl(int request, UserPointer argument) {
    return container.ioctl(request, argument);
  }
}
