// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/**
 * Memory of an object that can be mapped from /dev/iommu.
 *
 * <p>Source: {@code struct iommufd_mmap} in {@code drivers/iommu/iommufd}, Linux 6.17.
 */
final class IommufdWindow {
  static final int LENGTH = UserMemory.PAGE;

  private final IommufdObject owner;
  private final DeviceMemory.Registers registers;

  IommufdWindow(IommufdObject owner, DeviceMemory.Registers registers) {
    this.owner = owner;
    this.registers = registers;
  }

  boolean isOf(IommufdObject object) {
    return owner == object;
  }

  DeviceMemory map(Core core, OpenFile iommufd, int protection) {
    OpenFile mapping = new Mapping(iommufd);
    return new DeviceMemory(core, registers, mapping, 0, 0, LENGTH, protection, mapping.name());
  }

  /** What a mapping keeps: the object, and the file that it is mapped from. */
  private final class Mapping extends OpenFile {
    private final OpenFile iommufd;

    Mapping(OpenFile iommufd) {
      super("object " + owner.id() + " of " + iommufd.name());
      this.iommufd = iommufd;
      iommufd.hold();
      owner.use();
    }

    @Override
    void release() {
      owner.unuse();
      iommufd.drop();
    }
  }
}
