// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuSpaprRegisterMemory;
import org.vfio4j.group.uapi.VfioIommuSpaprTceCreate;
import org.vfio4j.group.uapi.VfioIommuSpaprTceInfo;
import org.vfio4j.group.uapi.VfioIommuSpaprTceRemove;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioSpaprUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * The IOMMU of POWER servers (sPAPR TCE) in a container: the kernel's calls, and nothing above
 * them.
 *
 * <p><b>Never run on such a machine</b>: layouts and numbers are compared with the kernel's
 * headers, and that other machines refuse is tested; what the calls do there is not.
 *
 * <p>IOVAs lie in windows, of which there is one at first. Memory is pinned and counted before it
 * is mapped: by {@link #enable} for a window as a whole in the first version, by {@link
 * #registerMemory} in the second.
 *
 * <p>It stands for nothing that is to be given back, and is of use for as long as the container is
 * open and has a group. Thread safe. Linux 3.10, CONFIG_VFIO_IOMMU_SPAPR_TCE. Source: {@code
 * drivers/vfio/vfio_iommu_spapr_tce.c}.
 */
public final class SpaprIommu {
  /** Which rules it follows. */
  public enum Version {
    /** Memory is pinned and counted for the whole window at once: {@link #enable}. */
    V1(VfioSpaprUapi.VFIO_SPAPR_TCE_IOMMU),
    /** Memory is {@linkplain #registerMemory registered}, and windows can be made. Linux 4.2. */
    V2(VfioSpaprUapi.VFIO_SPAPR_TCE_v2_IOMMU);

    private final int number;

    Version(int number) {
      this.number = number;
    }

    /** The argument of VFIO_SET_IOMMU and VFIO_CHECK_EXTENSION. */
    public int number() {
      return number;
    }
  }

  private final VfioContainer container;
  private final Version version;

  SpaprIommu(VfioContainer container, Version version) {
    this.container = container;
    this.version = version;
  }

  public Version version() {
    return version;
  }

  /**
   * What the IOMMU says of itself.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}: ENXIO when no group is left)
   */
  public SpaprInfo info() {
    VfioIommuSpaprTceInfo info = new VfioIommuSpaprTceInfo();
    call("VFIO_IOMMU_SPAPR_TCE_GET_INFO", VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_GET_INFO, info);
    return SpaprInfo.of(info);
  }

  /**
   * Version 1: counts the default window against RLIMIT_MEMLOCK, after which memory can be mapped.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY in version 2, {@link
   *     Reason#IN_USE}: EBUSY when it is enabled, {@link Reason#LIMIT}: ENOMEM, {@link
   *     Reason#NO_PERMISSION}: EPERM when there is no window)
   */
  public void enable() {
    call("VFIO_IOMMU_ENABLE", VfioSpaprUapi.VFIO_IOMMU_ENABLE);
  }

  /**
   * Version 1: takes back {@link #enable}.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY in version 2)
   */
  public void disable() {
    call("VFIO_IOMMU_DISABLE", VfioSpaprUapi.VFIO_IOMMU_DISABLE);
  }

  /**
   * Version 2: pins memory and counts it, so that it can be mapped.
   *
   * @param vaddr a multiple of the page size
   * @param size in bytes, a multiple of the page size
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY in version 1, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL, EFAULT, {@link Reason#LIMIT}: ENOMEM)
   */
  public void registerMemory(long vaddr, long size) {
    call(
        "VFIO_IOMMU_SPAPR_REGISTER_MEMORY",
        VfioSpaprUapi.VFIO_IOMMU_SPAPR_REGISTER_MEMORY,
        new VfioIommuSpaprRegisterMemory().vaddr(vaddr).size(size));
  }

  /**
   * Version 2: takes back {@link #registerMemory} of the same range.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY in version 1, {@link
   *     Reason#NO_SUCH_DEVICE}: ENOENT when it is not registered, {@link Reason#IN_USE}: EBUSY when
   *     it is mapped)
   */
  public void unregisterMemory(long vaddr, long size) {
    call(
        "VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY",
        VfioSpaprUapi.VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY,
        new VfioIommuSpaprRegisterMemory().vaddr(vaddr).size(size));
  }

  /**
   * Version 2: makes one more window of IOVAs.
   *
   * @param pageShift of its pages: 16 for 64 KiB
   * @param size in bytes
   * @param levels of its table
   * @return the IOVA at which it begins
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY in version 1, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL, {@link Reason#LIMIT}: ENOSPC, ENOMEM)
   */
  public long createWindow(int pageShift, long size, int levels) {
    VfioIommuSpaprTceCreate create =
        new VfioIommuSpaprTceCreate().pageShift(pageShift).windowSize(size).levels(levels);
    call("VFIO_IOMMU_SPAPR_TCE_CREATE", VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_CREATE, create);
    return create.startAddr();
  }

  /**
   * Version 2: removes a window with all that is mapped in it.
   *
   * @param start the IOVA at which it begins
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY in version 1, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL when there is none, {@link Reason#NO_PERMISSION}: EPERM
   *     when the machine keeps it)
   */
  public void removeWindow(long start) {
    call(
        "VFIO_IOMMU_SPAPR_TCE_REMOVE",
        VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_REMOVE,
        new VfioIommuSpaprTceRemove().startAddr(start));
  }

  /**
   * Maps memory, which version 2 must have registered.
   *
   * @param iova in a window; all three are multiples of the window's page size
   * @throws VfioException ({@link Reason#NO_PERMISSION}: EPERM before {@link #enable}, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL, EFAULT, {@link Reason#NOT_SUPPORTED}: ENXIO outside of
   *     all windows, {@link Reason#IN_USE}: EBUSY)
   */
  public void map(long vaddr, long length, long iova, DmaAccess access) {
    int flags =
        (access.canRead() ? VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ : 0)
            | (access.canWrite() ? VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE : 0);
    call(
        "VFIO_IOMMU_MAP_DMA",
        VfioGroupUapi.VFIO_IOMMU_MAP_DMA,
        new VfioIommuType1DmaMap().flags(flags).vaddr(vaddr).iova(iova).size(length));
  }

  /**
   * Unmaps a range, mapped or not.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL, {@link Reason#NOT_SUPPORTED}:
   *     ENXIO outside of all windows)
   */
  public void unmap(long iova, long length) {
    call(
        "VFIO_IOMMU_UNMAP_DMA",
        VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA,
        new VfioIommuType1DmaUnmap().iova(iova).size(length));
  }

  /**
   * The error handling of the groups in this container.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} when the machine or the kernel has none)
   */
  public EehPe eeh() {
    if (container.checkExtension(VfioSpaprUapi.VFIO_EEH) <= 0) {
      throw SpaprErrors.noEeh(container);
    }
    return new EehPe(this);
  }

  /** What the call returns, which is 0 but for few. */
  int call(String operation, int request, NativeBlock argument) {
    container.lifetime().enter();
    try {
      ContainerState state = container.state();
      int result = state.kernel().ioctl(state.fd(), request, argument);
      if (result < 0) {
        throw SpaprErrors.call(operation, this, result);
      }
      return result;
    } finally {
      container.lifetime().leave();
    }
  }

  private void call(String operation, int request) {
    container.lifetime().enter();
    try {
      ContainerState state = container.state();
      int result = state.kernel().ioctl(state.fd(), request, 0);
      if (result < 0) {
        throw SpaprErrors.call(operation, this, result);
      }
    } finally {
      container.lifetime().leave();
    }
  }

  @Override
  public String toString() {
    return "sPAPR IOMMU (" + version + ") of " + container;
  }
}
