// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmap;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmapGet;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/**
 * VFIO_IOMMU_DIRTY_PAGES: where a group has an IOMMU, every page that is pinned is dirty at every
 * question. What the driver of a mediated device writes is not followed.
 *
 * <p>Source: {@code vfio_iommu_type1_dirty_pages()} and what it calls, in {@code
 * drivers/vfio/vfio_iommu_type1.c}, where the checks are in the same order.
 */
final class Type1DirtyLog {
  /** How many bytes of bitmap a call may ask for: 2^31 pages. */
  static final long LARGEST_BITMAP = 1L << 28;

  private static final int FLAGS =
      VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START
          | VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
          | VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;

  /** Where user memory ends: access_ok(). */
  private static final long TASK_SIZE = 0x7fff_ffff_f000L;

  private final IovaSpace mappings;

  /** Those that are dirty as a whole since a group with an IOMMU left. */
  private final Set<Mapping> dirty = Collections.newSetFromMap(new IdentityHashMap<>());

  private boolean tracking;

  Type1DirtyLog(IovaSpace mappings) {
    this.mappings = mappings;
  }

  void ioctl(UserPointer argument, boolean withIommu) {
    int argsz = argument.getInt(VfioIommuType1DirtyBitmap.ARGSZ);
    int flags = argument.getInt(VfioIommuType1DirtyBitmap.FLAGS);
    boolean wrong =
        Integer.compareUnsigned(argsz, VfioIommuType1DirtyBitmap.SIZEOF) < 0
            || (flags & ~FLAGS) != 0
            || Integer.bitCount(flags) != 1;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    switch (flags) {
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START -> tracking = true;
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP -> {
        tracking = false;
        dirty.clear();
      }
      default -> bitmap(argument, argsz, withIommu);
    }
  }

  private void bitmap(UserPointer argument, int argsz, boolean withIommu) {
    int at = VfioIommuType1DirtyBitmap.SIZEOF;
    int end = at + VfioIommuType1DirtyBitmapGet.SIZEOF;
    KernelError.refuseIf(Integer.compareUnsigned(argsz, end) < 0, Errno.EINVAL);
    long iova = argument.getLong(at + VfioIommuType1DirtyBitmapGet.IOVA);
    long size = argument.getLong(at + VfioIommuType1DirtyBitmapGet.SIZE);
    int bitmap = at + VfioIommuType1DirtyBitmapGet.BITMAP;
    KernelError.refuseIf(Long.compareUnsigned(iova + size, iova) < 0, Errno.EINVAL);
    checkBitmap(argument, bitmap, size);
    boolean misaligned = size == 0 || ((size | iova) & (UserMemory.PAGE - 1)) != 0;
    KernelError.refuseIf(misaligned, Errno.EINVAL);
    checkTracking(argument, bitmap);
    long last = iova + size - 1;
    KernelError.refuseIf(cuts(iova, last), Errno.EINVAL);
    UserPointer words = argument.at(argument.getLong(bitmap + VfioBitmap.DATA));
    for (Mapping mapping : mappings.all()) {
      if (Long.compareUnsigned(mapping.start(), iova) >= 0
          && Long.compareUnsigned(mapping.start(), last) <= 0) {
        report(words, iova, mapping, withIommu);
      }
    }
  }

  /** verify_bitmap_size(), for the {@code vfio_bitmap} at an offset of the argument. */
  static void checkBitmap(UserPointer argument, int at, long size) {
    long pgsize = argument.getLong(at + VfioBitmap.PGSIZE);
    long bytes = argument.getLong(at + VfioBitmap.SIZE);
    long data = argument.getLong(at + VfioBitmap.DATA);
    boolean reachable =
        Long.compareUnsigned(bytes, TASK_SIZE) <= 0
            && Long.compareUnsigned(data, TASK_SIZE - bytes) <= 0;
    KernelError.refuseIf(!reachable || pgsize == 0, Errno.EINVAL);
    long pages = size >>> Long.numberOfTrailingZeros(pgsize);
    boolean wrong =
        pages == 0
            || bytes == 0
            || Long.compareUnsigned(bytes, LARGEST_BITMAP) > 0
            || Long.compareUnsigned(bytes, ((pages + 63) >>> 6) * Long.BYTES) < 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
  }

  void checkTracking(UserPointer argument, int bitmap) {
    long pgsize = argument.getLong(bitmap + VfioBitmap.PGSIZE);
    KernelError.refuseIf(!tracking || pgsize != UserMemory.PAGE, Errno.EINVAL);
  }

  /** Whether a range has a part of a mapping only. */
  boolean cuts(long iova, long last) {
    Mapping atStart = mappings.find(iova);
    Mapping atEnd = mappings.find(last);
    return (atStart != null && atStart.start() != iova) || (atEnd != null && atEnd.last() != last);
  }

  /** update_user_bitmap(): whole words; one that the mapping begins inside of keeps its bits. */
  void report(UserPointer words, long base, Mapping mapping, boolean withIommu) {
    boolean set = dirty.remove(mapping) || (withIommu && mapping.isPinned());
    long first = UserMemory.pages(mapping.start() - base);
    long count = UserMemory.pages(mapping.length());
    int shift = (int) (first % Long.SIZE);
    long left = shift + count;
    long before = (1L << shift) - 1;
    for (long word = first / Long.SIZE; left > 0; word++, left -= Long.SIZE) {
      UserPointer at = words.at(words.number() + word * Long.BYTES);
      long bits = set ? (left >= Long.SIZE ? -1 : (1L << left) - 1) : 0;
      at.putLong(0, before == 0 ? bits : (bits & ~before) | at.getLong(0));
      before = 0;
    }
  }

  /** A group with an IOMMU has left: what it may have written is not forgotten. */
  void groupLeft() {
    if (tracking) {
      mappings.all().forEach(dirty::add);
    }
  }

  void removed(Mapping mapping) {
    dirty.remove(mapping);
  }
}
