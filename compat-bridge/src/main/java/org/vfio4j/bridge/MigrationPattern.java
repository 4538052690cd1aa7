// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.Arrays;
import java.util.List;

/**
 * What programs do with containers and groups, as a {@link MigrationReport} shows it, each with the
 * code that does the same by devices.
 *
 * <p>The code is Java: {@code kernel}, {@code address} and what else is not declared in it are the
 * program's own, and names are the same in all patterns. All of it compiles; a test sees to that.
 */
public enum MigrationPattern {
  /** A container with an IOMMU, and a device out of a group of it. */
  DEVICE_IN_A_SPACE(
      "an address space, and a device in it",
      """
      Iommufd iommufd = Iommufd.open(kernel);
      Ioas ioas = iommufd.allocateIoas();
      BoundDevice device =
          VfioCdev.find(kernel, address).open().bind(iommufd, DeviceCookie.of(1));
      device.attach(ioas);
      """),
  /** More groups in a container than one. */
  SEVERAL_IN_ONE_SPACE(
      "several groups in one container: several devices in one address space",
      """
      BoundDevice second =
          VfioCdev.find(kernel, otherAddress).open().bind(iommufd, DeviceCookie.of(2));
      second.attach(ioas);
      """),
  /** VFIO_GROUP_GET_STATUS. */
  VIABILITY(
      "whether the group is viable: binding refuses where it is not, and asking beforehand is",
      """
      List<Isolation.Member> inOtherHands =
          Isolation.of(SysfsDevice.pci(kernel, address)).blockers();
      """),
  /** VFIO_GET_API_VERSION and VFIO_CHECK_EXTENSION. */
  WHAT_THE_KERNEL_CAN(
      "what the container can: ask for what is needed and handle the refusal, or look beforehand",
      """
      KernelFeatures<IommufdFeature> features = iommufd.kernelFeatures();
      """),
  /** VFIO_IOMMU_GET_INFO. */
  WHERE_TO_MAP(
      "where something can be mapped, or leave the choice to the kernel",
      """
      List<IovaRange> ranges = ioas.allowedIovas();
      long alignment = ioas.iovaAlignment();
      long chosen = ioas.map(userVa, length, DmaAccess.READ_WRITE);
      """),
  /** Each unmap is of a mapping. */
  MAP_AND_UNMAP(
      "mapping and unmapping memory",
      """
      ioas.map(userVa, length, iova, DmaAccess.READ_WRITE);
      ioas.unmap(iova, length);
      DmaBuffer buffer = ioas.allocate(length); // or both in one, with memory for it
      """),
  /** An unmap removed several mappings, or all, or with type1 what lay beyond its range. */
  UNMAP_OF_SEVERAL(
      "unmapping a range with several mappings: the range must cut none of them",
      """
      ioas.unmap(iova, length);
      """),
  /** An unmap found nothing. */
  UNMAP_OF_NOTHING(
      "unmapping what may not be mapped, which is ENOENT and not 0 bytes",
      """
      long bytes = ioas.tryUnmap(iova, length);
      boolean wasMapped = !Errno.ENOENT.is(bytes);
      """),
  /** VFIO_DMA_UNMAP_FLAG_ALL. */
  UNMAP_ALL(
      "unmapping everything",
      """
      ioas.unmapAll();
      """),
  /** VFIO_IOMMU_DIRTY_PAGES, and unmapping with a bitmap. */
  DIRTY_PAGES(
      "which pages were written: told by a page table that is made for it (NOT_SUPPORTED where the"
          + " IOMMU does not track)",
      """
      PagingHwpt table = ioas.hwpt(device.devId()).dirtyTracking().allocate();
      attachment.replace(table); // what device.attach(ioas) gave
      table.setDirtyTracking(true);
      DirtyBitmap dirty = new DirtyBitmap(iova, length, 4096);
      table.readDirty(dirty);
      """),
  /** VFIO_DEVICE_PCI_HOT_RESET with the files of groups. */
  HOT_RESET(
      "resetting a slot or bus: without the files of groups, what the iommufd owns is enough",
      """
      device.planHotReset().execute();
      """),
  /** A group stays in its container while its device is closed and opened again. */
  REOPENED(
      "closing a device and opening it again in the same group: keep it bound, and reset it",
      """
      device.reset();
      """),
  /** VFIO_DMA_UNMAP_FLAG_VADDR and VFIO_DMA_MAP_FLAG_VADDR. */
  ANOTHER_ADDRESS(
      "giving mapped memory another address, which an IOAS does for memory of files only, from Linux"
          + " 6.13 on: map the file",
      """
      ioas.mapFile(memfd, 0, length, iova, DmaAccess.READ_WRITE);
      iommufd.changeProcess(); // in the process that goes on with it
      """),
  /** The end of all of it. */
  CLOSE(
      "the end, in any order",
      """
      device.close();
      ioas.close();
      iommufd.close();
      """);

  private final String title;
  private final String code;

  MigrationPattern(String title, String code) {
    this.title = title;
    this.code = code;
  }

  private boolean isIn(MigrationReport report) {
    return switch (this) {
      case DEVICE_IN_A_SPACE ->
          report.count(LegacyCall.GROUP_GET_DEVICE_FD) > 0 && hasIommu(report);
      case SEVERAL_IN_ONE_SPACE ->
          report.count(LegacyCall.GROUP_SET_CONTAINER) > report.count(LegacyCall.SET_IOMMU);
      case VIABILITY -> report.count(LegacyCall.GROUP_GET_STATUS) > 0;
      case WHAT_THE_KERNEL_CAN -> report.count(LegacyCall.CHECK_EXTENSION) > 0;
      case WHERE_TO_MAP -> report.count(LegacyCall.IOMMU_GET_INFO) > 0;
      case MAP_AND_UNMAP -> report.count(LegacyCall.IOMMU_MAP_DMA) > 0;
      case UNMAP_OF_SEVERAL ->
          report.count(LegacyCall.IOMMU_UNMAP_DMA, DeviceCall.IOMMU_IOAS_UNMAP)
              > report.count(LegacyCall.IOMMU_UNMAP_DMA);
      case UNMAP_OF_NOTHING ->
          report.count(LegacyCall.IOMMU_UNMAP_DMA, DeviceCall.IOMMU_IOAS_UNMAP)
              < report.count(LegacyCall.IOMMU_UNMAP_DMA);
      case UNMAP_ALL -> report.count(LegacyCall.IOMMU_UNMAP_DMA_ALL) > 0;
      case DIRTY_PAGES ->
          report.count(LegacyCall.DIRTY_PAGES_START) > 0
              || report.count(LegacyCall.IOMMU_UNMAP_DMA_BITMAP) > 0;
      case HOT_RESET -> report.count(LegacyCall.DEVICE_PCI_HOT_RESET) > 0;
      case REOPENED -> reopens(report);
      case ANOTHER_ADDRESS ->
          report.withoutEqual().stream()
              .anyMatch(
                  refused ->
                      refused.call() == LegacyCall.IOMMU_MAP_DMA_VADDR
                          || refused.call() == LegacyCall.IOMMU_UNMAP_DMA_VADDR);
      case CLOSE -> report.count(LegacyCall.CLOSE_CONTAINER) > 0;
    };
  }

  private static boolean hasIommu(MigrationReport report) {
    return report.count(LegacyCall.SET_IOMMU) > 0;
  }

  /** The first open of a group takes the device that it was claimed by; so does each later one. */
  private static boolean reopens(MigrationReport report) {
    long opened =
        report.rows().stream()
            .filter(row -> row.call() == LegacyCall.GROUP_GET_DEVICE_FD && !row.mode().isEmpty())
            .mapToLong(MigrationReport.Row::count)
            .sum();
    long bound = report.count(LegacyCall.GROUP_GET_DEVICE_FD, DeviceCall.VFIO_DEVICE_BIND_IOMMUFD);
    return report.count(LegacyCall.CLOSE_DEVICE, DeviceCall.VFIO_DEVICE_BIND_IOMMUFD) > 0
        && opened - bound > report.count(LegacyCall.GROUP_SET_CONTAINER);
  }

  static List<MigrationPattern> in(MigrationReport report) {
    return Arrays.stream(values()).filter(pattern -> pattern.isIn(report)).toList();
  }

  /** What it is, in words. */
  public String title() {
    return title;
  }

  /** The code to write instead: whole lines, each with its end. */
  public String code() {
    return code;
  }
}
