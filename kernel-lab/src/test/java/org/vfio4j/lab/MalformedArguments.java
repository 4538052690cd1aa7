// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

/** Arguments that a kernel refuses before it looks at what they say. */
final class MalformedArguments {
  private static final Inventory INVENTORY = Inventory.load();

  /** No process has memory there. */
  private static final long NOWHERE = 16;

  private static final int TAIL = Long.BYTES;

  /** Those that need no more than a size and flags. */
  private static final Set<String> SHORT =
      Set.of(
          "VFIO_DEVICE_FEATURE",
          "VFIO_DEVICE_DETACH_IOMMUFD_PT",
          "VFIO_GROUP_GET_STATUS",
          "VFIO_IOMMU_DIRTY_PAGES");

  private MalformedArguments() {}

  /**
   * Every call of iommufd.
   *
   * @param major of the release that it is, and so of the calls that it knows
   */
  static void refusedByIommufd(Kernel kernel, int fd, int major, int minor) {
    for (Ioctl ioctl : INVENTORY.ioctls()) {
      if (!ioctl.file().equals("iommufd")) {
        continue;
      }
      Layout layout = INVENTORY.struct(ioctl.argument());
      NativeBlock argument = new NativeBlock(layout.size() + TAIL);
      int empty = kernel.ioctl(fd, ioctl.number(), argument);
      if (ioctl.since().isAfter(major, minor)) {
        assertThat(empty).as(ioctl.name()).isEqualTo(Errno.ENOTTY.result());
        continue;
      }
      assertThat(empty).as(ioctl.name()).isEqualTo(Errno.EINVAL.result());
      assertThat(kernel.ioctl(fd, ioctl.number(), NOWHERE))
          .as(ioctl.name())
          .isEqualTo(Errno.EFAULT.result());
      argument.putInt(0, layout.size() + TAIL);
      argument.putInt(layout.size(), 1);
      assertThat(kernel.ioctl(fd, ioctl.number(), argument))
          .as(ioctl.name())
          .isEqualTo(Errno.E2BIG.result());
    }
  }

  /** An argument that says that it is no longer than it is: less than the kernel copies at once. */
  private static long cutOff(String name) {
    NativeBlock head = new NativeBlock(SHORT.contains(name) ? Integer.BYTES : 2 * Integer.BYTES);
    head.putInt(0, head.capacity());
    return Memory.readOnly(head);
  }

  /** The calls of VFIO on one kind of file that take a struct. */
  static void refusedByVfio(Kernel kernel, int fd, String... calls) {
    for (String name : calls) {
      Ioctl ioctl = INVENTORY.ioctl(name);
      Layout layout = INVENTORY.struct(ioctl.argument());
      assertThat(kernel.ioctl(fd, ioctl.number(), NOWHERE))
          .as(name)
          .isEqualTo(Errno.EFAULT.result());
      NativeBlock argument = new NativeBlock(layout.size() + TAIL);
      assertThat(kernel.ioctl(fd, ioctl.number(), cutOff(name)))
          .as("%s, of which only the head is there", name)
          .isEqualTo(Errno.EFAULT.result());
      argument.putInt(0, Integer.BYTES);
      assertThat(kernel.ioctl(fd, ioctl.number(), argument))
          .as(name)
          .isEqualTo(Errno.EINVAL.result());
    }
  }
}
