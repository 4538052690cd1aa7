// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

/**
 * What is known of a container's file beyond its descriptor. The container, its groups and its
 * IOMMU share it; it refers to none of them, so that a lost one is found.
 */
final class ContainerState {
  private final Kernel kernel;
  private final int fd;
  private final String name;
  private final boolean iommufd;
  private int groups;
  private boolean noIommu;
  private IommuType type;
  private boolean spaceInUse;

  ContainerState(Kernel kernel, int fd, String name) {
    this.kernel = kernel;
    this.fd = fd;
    this.name = name;
    this.iommufd = isIommufd(kernel, fd);
  }

  Kernel kernel() {
    return kernel;
  }

  int fd() {
    return fd;
  }

  String name() {
    return name;
  }

  /** Whether an iommufd answers the calls, which has some errnos the other way round. */
  boolean iommufd() {
    return iommufd;
  }

  synchronized void groupJoined(boolean withoutIommu) {
    groups++;
    noIommu = withoutIommu;
  }

  synchronized void groupLeft() {
    groups--;
  }

  /** How many groups joined through this library. */
  synchronized int groups() {
    return groups;
  }

  /** Whether the groups that joined through this library are no-IOMMU ones; they never mix. */
  synchronized boolean noIommu() {
    return groups > 0 && noIommu;
  }

  /** The type that was set last through this library; null when none was. */
  synchronized IommuType type() {
    return type;
  }

  synchronized void type(IommuType value) {
    type = value;
  }

  /**
   * Whether a {@link Type1Iommu}, or what was mapped through it, is not released yet. Until then no
   * other one may be: an old buffer could unmap what a new one has mapped at the same IOVA.
   */
  synchronized boolean spaceInUse() {
    return spaceInUse;
  }

  synchronized void spaceInUse(boolean value) {
    spaceInUse = value;
  }

  /** Whether VFIO_IOMMU_GET_INFO is answered: an IOMMU is set, or the iommufd has an IOAS. */
  boolean hasIommu() {
    return getInfo(kernel, fd) == 0;
  }

  /**
   * Whether the kernel has no IOMMU in this container any more, because the last group left: all
   * mappings went with it. An iommufd keeps them, and that it has no IOAS for containers (ENODEV)
   * does not say that devices no longer reach what was mapped in it.
   */
  boolean mappingsAreGone() {
    return Errno.EINVAL.is(getInfo(kernel, fd));
  }

  /** What VFIO_IOMMU_DIRTY_PAGES answers to an argument without anything in it. */
  int emptyDirtyPages() {
    return emptyDirtyPages(kernel, fd);
  }

  private static boolean isIommufd(Kernel kernel, int fd) {
    int info = getInfo(kernel, fd);
    if (info != 0) {
      return Errno.ENODEV.is(info);
    }
    // Type1 knows this call and refuses the empty argument; only in Linux 5.7 and before it does
    // not, and they have no iommufd.
    return Errno.ENOTTY.is(emptyDirtyPages(kernel, fd));
  }

  private static int emptyDirtyPages(Kernel kernel, int fd) {
    return kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES, new NativeBlock(8));
  }

  private static int getInfo(Kernel kernel, int fd) {
    return kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_GET_INFO, new VfioIommuType1Info(0));
  }
}
