// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.DeviceNode;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelFeatures;

/**
 * A container: the groups in it share one IOMMU, and so one I/O address space.
 *
 * <p>A new container can do nothing. Once a group has {@linkplain VfioGroup#join joined}, {@link
 * #setIommu} gives the address space; when the last group leaves, the container is empty as before
 * and its mappings are gone. On an iommufd, which can take a container's place, the mappings stay.
 *
 * <p>Thread safe. Linux 3.6. Source: {@code drivers/vfio/container.c}, {@code
 * drivers/iommu/iommufd/vfio_compat.c}.
 */
public final class VfioContainer extends FileObject {
  private static final String NEEDS =
      "the module vfio (modprobe vfio-pci) and a kernel with CONFIG_VFIO_CONTAINER or"
          + " CONFIG_IOMMUFD_VFIO_CONTAINER";

  private final ContainerState state;

  private VfioContainer(Kernel kernel, int fd, String name) {
    super(kernel, fd, name);
    this.state = new ContainerState(kernel, fd, name);
  }

  /**
   * Opens {@code /dev/vfio/vfio}.
   *
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL} when there is no such node, or it has
   *     another API version, {@link Reason#NO_PERMISSION}, {@link Reason#LIMIT})
   */
  public static VfioContainer open(Kernel kernel) {
    String path = kernel.roots().dev("vfio/vfio");
    return checked(new VfioContainer(kernel, DeviceNode.open(kernel, path, NEEDS), path));
  }

  /**
   * Takes over the file descriptor of a container, or of an iommufd that is to be one, that was
   * opened elsewhere.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when it is neither; it is closed then)
   */
  public static VfioContainer adopt(Kernel kernel, int fd) {
    return checked(new VfioContainer(kernel, fd, "container (fd " + fd + ")"));
  }

  /**
   * A container on an iommufd: the kernel's compatibility mode, in which groups join the iommufd
   * and the container's calls work on an IOAS that the first group creates in it.
   *
   * <p>Works on a duplicate of the descriptor: the caller's own stays the caller's, and may be
   * closed first. Several containers on one iommufd are one and the same address space. Linux 6.2.
   *
   * @param fd an open file of {@code /dev/iommu}
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when it is something else)
   */
  public static VfioContainer overIommufd(Kernel kernel, int fd) {
    int copy = kernel.dup(fd);
    if (copy < 0) {
      throw GroupErrors.dup(fd, copy);
    }
    VfioContainer container =
        checked(new VfioContainer(kernel, copy, "container over iommufd (fd " + fd + ")"));
    if (!container.isIommufd()) {
      container.close();
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "container over iommufd")
          .on("of fd " + fd)
          .fact("it is a container's own file, not one of /dev/iommu")
          .hint("use VfioContainer.adopt for it")
          .build();
    }
    return container;
  }

  /**
   * Whether an iommufd answers for this container: one that was handed in, or {@code
   * /dev/vfio/vfio} of a kernel with CONFIG_IOMMUFD_VFIO_CONTAINER.
   */
  public boolean isIommufd() {
    return state.iommufd();
  }

  /**
   * VFIO_CHECK_EXTENSION.
   *
   * @param extension a number such as {@link VfioGroupUapi#VFIO_DMA_CC_IOMMU}
   * @return 0 for no, more for yes; before {@link #setIommu} whether any IOMMU driver has it
   * @throws VfioException ({@link Reason#WRONG_STATE} when an iommufd without a group is asked for
   *     DMA_CC)
   */
  public int checkExtension(int extension) {
    lifetime().enter();
    try {
      int result = kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_CHECK_EXTENSION, extension);
      if (result < 0) {
        throw GroupErrors.checkExtension(state, extension, result);
      }
      return result;
    } finally {
      lifetime().leave();
    }
  }

  /**
   * What the kernel has; once an IOMMU is set, what that has.
   *
   * <p>An extension is there when the kernel says so. Dirty page logging has none: it is there when
   * the kernel finds fault with an empty argument instead of not knowing the call.
   */
  public KernelFeatures<ContainerFeature> kernelFeatures() {
    lifetime().enter();
    try {
      boolean set = state.hasIommu();
      return KernelFeatures.ask(
          toString(),
          ContainerFeature.class,
          feature ->
              feature == ContainerFeature.DIRTY_PAGES
                  ? set && Errno.EINVAL.is(state.emptyDirtyPages())
                  : kernel()
                          .ioctl(heldFd(), VfioGroupUapi.VFIO_CHECK_EXTENSION, feature.extension())
                      > 0);
    } finally {
      lifetime().leave();
    }
  }

  /** Whether the kernel, or once it is set this container's IOMMU, has this type. */
  public boolean supports(IommuType type) {
    return checkExtension(type.number()) > 0;
  }

  /**
   * Sets the IOMMU, and gives the address space of the groups in this container. All groups that
   * join later share it.
   *
   * <p>Closing the result removes what is still mapped; after that, and only then, it can be had
   * again, with the same type.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE} when no group has joined, or it is set
   *     already, {@link Reason#NOT_IN_KERNEL} when the kernel lacks the type, {@link
   *     Reason#NOT_SUPPORTED} when the IOMMU cannot take the groups, {@link Reason#NO_IOMMU} when
   *     they have none, {@link Reason#NO_PERMISSION} when interrupts cannot be isolated)
   */
  public Type1Iommu setIommu(IommuType type) {
    lifetime().enter();
    try {
      synchronized (state) {
        refuseSecondSpace();
        int result = kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_SET_IOMMU, type.number());
        boolean stillSet = !state.iommufd() && type == state.type() && state.hasIommu();
        if (result < 0 && !stillSet) {
          throw GroupErrors.setIommu(state, type, result);
        }
        state.type(type);
        return Type1Iommu.own(this, type);
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Sets the IOMMU of POWER servers. Its calls were never run on such a machine: see {@link
   * SpaprIommu}.
   *
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL}: ENODEV on other machines, {@link
   *     Reason#WRONG_STATE}: EINVAL when no group has joined, or an IOMMU is set already)
   */
  public SpaprIommu setSpaprIommu(SpaprIommu.Version version) {
    lifetime().enter();
    try {
      int result = kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_SET_IOMMU, version.number());
      if (result < 0) {
        throw SpaprErrors.setIommu(state, version, result);
      }
      return new SpaprIommu(this, version);
    } finally {
      lifetime().leave();
    }
  }

  /**
   * The address space of a container whose IOMMU was set by somebody else, before the file
   * descriptor was handed over. Closing the result leaves the mappings alone.
   *
   * @param type what was set: the kernel does not tell
   * @throws VfioException ({@link Reason#WRONG_STATE} when none is set, or this container gave one
   *     that is open)
   */
  public Type1Iommu adoptIommu(IommuType type) {
    lifetime().enter();
    try {
      synchronized (state) {
        refuseSecondSpace();
        if (!state.hasIommu()) {
          throw VfioException.failed(Reason.WRONG_STATE, "adoptIommu")
              .on("of " + this)
              .fact("no type1 IOMMU is set")
              .hint("set it: container.setIommu(" + type + ")")
              .build();
        }
        return Type1Iommu.borrow(this, type);
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Whether the kernel would let {@link #setNoIommu} be called: CONFIG_VFIO_NOIOMMU, and the
   * parameter {@code enable_unsafe_noiommu_mode} of the module vfio is on.
   */
  public boolean supportsNoIommu() {
    return checkExtension(VfioGroupUapi.VFIO_NOIOMMU_IOMMU) > 0;
  }

  /**
   * Says that the groups in this container, which must be no-IOMMU ones, are used without an IOMMU,
   * as their devices cannot be opened before.
   *
   * <p>There is no address space: such a device reaches all of the machine's memory, at physical
   * addresses, and nothing here maps, pins or protects any. The process needs CAP_SYS_RAWIO, and
   * the kernel is tainted (TAINT_USER) from the moment the device was bound to its VFIO driver.
   * Linux 4.5.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE} when no group has joined, or an IOMMU is set
   *     already (on an iommufd this may be repeated), {@link Reason#NO_PERMISSION}: EPERM, {@link
   *     Reason#NOT_SUPPORTED} when the groups have an IOMMU)
   */
  public void setNoIommu() {
    lifetime().enter();
    try {
      int result =
          kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_SET_IOMMU, VfioGroupUapi.VFIO_NOIOMMU_IOMMU);
      if (result < 0) {
        throw GroupErrors.setNoIommu(state, result);
      }
    } finally {
      lifetime().leave();
    }
  }

  /** For the groups and the IOMMU. */
  ContainerState state() {
    return state;
  }

  private void refuseSecondSpace() {
    if (state.spaceInUse()) {
      throw GroupErrors.spaceInUse(state);
    }
  }

  private static VfioContainer checked(VfioContainer container) {
    int version =
        container.kernel().ioctl(container.heldFd(), VfioGroupUapi.VFIO_GET_API_VERSION, 0);
    if (version == VfioGroupUapi.VFIO_API_VERSION) {
      return container;
    }
    container.close();
    throw GroupErrors.apiVersion(container.state, version);
  }
}
