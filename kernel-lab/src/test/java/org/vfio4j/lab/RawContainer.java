// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.uapi.VfioInfoCapHeader;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmap;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmapGet;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.NativeBlock;

/** A container and a group as a program in C has them: numbers, and answers with their errno. */
final class RawContainer implements AutoCloseable {
  static final int READ_WRITE =
      VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ | VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;

  private static final int ROOM = 512;
  private static final long ENDS = 0x8000_0000_0000_0001L;

  private final Kernel kernel;
  private final VfioMode mode;
  private final PciAddress address;
  private final List<Integer> open = new ArrayList<>();
  private final int container;
  private int group = -1;

  RawContainer(VfioMode mode) {
    this(Lab.kernel(mode), mode, Lab.EDU);
  }

  RawContainer(Kernel kernel, VfioMode mode, PciAddress address) {
    this.kernel = kernel;
    this.mode = mode;
    this.address = address;
    this.container = open(mode.isCompat() ? "/dev/iommu" : "/dev/vfio/vfio");
  }

  Kernel kernel() {
    return kernel;
  }

  VfioMode mode() {
    return mode;
  }

  int container() {
    return container;
  }

  int group() {
    return group;
  }

  private int open(String path) {
    int fd = kernel.open(path, Linux.O_RDWR);
    if (fd < 0) {
      throw new AssertionError(path + ": " + Errno.ofResult(fd));
    }
    open.add(fd);
    return fd;
  }

  String groupPath() {
    return "/dev/vfio/" + SysfsDevice.pci(kernel, address).iommuGroup().orElseThrow();
  }

  RawContainer withGroup() {
    group = open(groupPath());
    return this;
  }

  RawContainer joined() {
    withGroup();
    must(join());
    return this;
  }

  RawContainer ready() {
    joined();
    must(setIommu(Lab.type(mode).number()));
    return this;
  }

  static void must(String answer) {
    if (!answer.startsWith("0")) {
      throw new AssertionError(answer);
    }
  }

  static String answer(long result) {
    return result < 0 ? Errno.ofResult(result).name() : Long.toString(result);
  }

  String join() {
    return joinWith(this);
  }

  /** Into the container of another one. */
  String joinWith(RawContainer other) {
    NativeBlock fd = new NativeBlock(Integer.BYTES);
    fd.putInt(0, other.container);
    return answer(kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, fd));
  }

  String leave() {
    return answer(kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER, 0));
  }

  String status() {
    VfioGroupStatus status = new VfioGroupStatus();
    int result = kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_GET_STATUS, status);
    return result < 0 ? answer(result) : "flags " + status.flags();
  }

  String setIommu(int type) {
    return answer(kernel.ioctl(container, VfioGroupUapi.VFIO_SET_IOMMU, type));
  }

  String extension(int number) {
    return answer(kernel.ioctl(container, VfioGroupUapi.VFIO_CHECK_EXTENSION, number));
  }

  /** The descriptor, or the negative errno. */
  int device() {
    int fd =
        kernel.ioctl(
            group,
            VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD,
            NativeBlock.ofString(address.toString()));
    if (fd >= 0) {
      open.add(fd);
    }
    return fd;
  }

  String map(long vaddr, long iova, long size) {
    return map(READ_WRITE, vaddr, iova, size);
  }

  String map(int flags, long vaddr, long iova, long size) {
    return answer(
        kernel.ioctl(
            container,
            VfioGroupUapi.VFIO_IOMMU_MAP_DMA,
            new VfioIommuType1DmaMap().flags(flags).vaddr(vaddr).iova(iova).size(size)));
  }

  String unmap(long iova, long size) {
    return unmap(0, iova, size);
  }

  /** The answer, and what the size is afterwards. */
  String unmap(int flags, long iova, long size) {
    VfioIommuType1DmaUnmap unmap = new VfioIommuType1DmaUnmap().flags(flags).iova(iova).size(size);
    int result = kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap);
    return answer(result) + ", size " + pages(unmap.size());
  }

  /** How many bytes that has unmapped, as the kernel writes it back. */
  long unmapped(int flags, long iova, long size) {
    VfioIommuType1DmaUnmap unmap = new VfioIommuType1DmaUnmap().flags(flags).iova(iova).size(size);
    must(answer(kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap)));
    return unmap.size();
  }

  private static String pages(long bytes) {
    return bytes % 4096 == 0 ? bytes / 4096 + (bytes == 4096 ? " page" : " pages") : bytes + " B";
  }

  String dirtyPages(int flags) {
    return answer(
        kernel.ioctl(
            container,
            VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES,
            new VfioIommuType1DirtyBitmap(0).flags(flags)));
  }

  /** The answer, and the first word of the bitmap, of which the ends were set before. */
  String bitmap(long iova, long pages) {
    NativeBlock words = new NativeBlock(Long.BYTES);
    words.putLong(0, ENDS);
    int at = VfioIommuType1DirtyBitmap.SIZEOF;
    VfioIommuType1DirtyBitmap get =
        new VfioIommuType1DirtyBitmap(VfioIommuType1DirtyBitmapGet.SIZEOF)
            .flags(VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP);
    get.putLong(at + VfioIommuType1DirtyBitmapGet.IOVA, iova);
    get.putLong(at + VfioIommuType1DirtyBitmapGet.SIZE, pages * 4096);
    put(get, at + VfioIommuType1DirtyBitmapGet.BITMAP, words);
    int result = kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES, get);
    return result < 0 ? answer(result) : answer(result) + ", " + hex(words.getLong(0));
  }

  /** As {@link #unmap}, with a bitmap. */
  String unmapWithBitmap(long iova, long pages) {
    NativeBlock words = new NativeBlock(Long.BYTES);
    int at = VfioIommuType1DmaUnmap.SIZEOF;
    NativeBlock unmap = new NativeBlock(at + VfioBitmap.SIZEOF);
    unmap.putInt(VfioIommuType1DmaUnmap.ARGSZ, unmap.capacity());
    unmap.putInt(VfioIommuType1DmaUnmap.FLAGS, VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP);
    unmap.putLong(VfioIommuType1DmaUnmap.IOVA, iova);
    unmap.putLong(VfioIommuType1DmaUnmap.SIZE, pages * 4096);
    put(unmap, at, words);
    int result = kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap);
    return result < 0 ? answer(result) : answer(result) + ", " + hex(words.getLong(0));
  }

  private static void put(NativeBlock block, int at, NativeBlock words) {
    block.putLong(at + VfioBitmap.PGSIZE, 4096);
    block.putLong(at + VfioBitmap.SIZE, words.capacity());
    block.putLong(at + VfioBitmap.DATA, words.address());
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** The answer as it stands in memory; null when it was refused. */
  NativeBlock info() {
    VfioIommuType1Info info = new VfioIommuType1Info(ROOM);
    return kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_GET_INFO, info) < 0 ? null : info;
  }

  String infoAnswer() {
    return answer(
        kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_GET_INFO, new VfioIommuType1Info(ROOM)));
  }

  /** The ids of the capabilities, in their order. */
  String capabilities() {
    NativeBlock info = info();
    List<String> ids = new ArrayList<>();
    int at = info.getInt(VfioIommuType1Info.CAP_OFFSET);
    while (at != 0) {
      ids.add(Short.toString(info.getShort(at + VfioInfoCapHeader.ID)));
      at = info.getInt(at + VfioInfoCapHeader.NEXT);
    }
    return String.join(" ", ids);
  }

  /** DMA_AVAIL. */
  String available() {
    NativeBlock info = info();
    int at = info.getInt(VfioIommuType1Info.CAP_OFFSET);
    while (info.getShort(at + VfioInfoCapHeader.ID)
        != VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
      at = info.getInt(at + VfioInfoCapHeader.NEXT);
    }
    return Integer.toUnsignedString(info.getInt(at + VfioInfoCapHeader.SIZEOF));
  }

  String ioctl(int fd, int request, NativeBlock argument) {
    return answer(kernel.ioctl(fd, request, argument));
  }

  void close(int fd) {
    open.remove((Integer) fd);
    kernel.close(fd);
  }

  @Override
  public void close() {
    while (!open.isEmpty()) {
      kernel.close(open.remove(open.size() - 1));
    }
  }
}
