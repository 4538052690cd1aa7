// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.kernel.UserMemory.Pin;
import org.vfio4j.testkit.kernel.UserMemory.PinAccount;

/**
 * User memory behind one or more mappings of an iommufd. Copies share it, and count once.
 *
 * <p>Source: {@code struct iopt_pages} in {@code drivers/iommu/iommufd/pages.c}.
 */
final class Pages {
  /** How many the kernel pins at once: as many as TEMP_MEMORY_LIMIT has pointers to. */
  private static final long MOST_AT_ONCE = 8192;

  private final UserMemory memory;
  private final PinAccount account;
  private final long address;
  private final boolean writable;

  /** Null until something is pinned, which type1 keeps account of itself. */
  private List<Mapping> pinned;

  private long accounted;

  /** Null for memory of the process; held as long as something is mapped. */
  private OpenFile file;

  private long start;
  private boolean absent;

  /** Null for what is no memory of a device. */
  private VfioDmaBufFile dmaBuf;

  Pages(UserMemory memory, PinAccount account, long address, boolean writable) {
    this.memory = memory;
    this.account = account;
    this.address = address;
    this.writable = writable;
  }

  /** Of a file: it shows when they are pinned whether it is one of memory. */
  static Pages ofFile(
      UserMemory memory,
      PinAccount account,
      OpenFile file,
      long start,
      long length,
      boolean writable) {
    boolean there =
        file instanceof MemoryFile whole
            && start >= 0
            && start <= whole.memory().size() - length
            && length > 0;
    long address = there ? ((MemoryFile) file).memory().address() + start : 0;
    Pages pages = new Pages(memory, account, address, writable);
    pages.file = file;
    pages.start = start;
    pages.absent = !there;
    return pages;
  }

  /** Of a device, which is nobody's locked memory. */
  static Pages ofDmaBuf(UserMemory memory, VfioDmaBufFile file, long start, boolean writable) {
    Pages pages = new Pages(memory, PinAccount.NONE, 0, writable);
    pages.dmaBuf = file;
    pages.start = start;
    return pages;
  }

  boolean isOfFile() {
    return file != null;
  }

  /** Whether the device took its memory back; the mapping stays, and leads nowhere. */
  boolean isRevoked() {
    return dmaBuf != null && dmaBuf.isRevoked();
  }

  /** What a chosen IOVA is aligned as. */
  long alignedAs() {
    return file == null && dmaBuf == null ? address : start;
  }

  boolean isWritable() {
    return writable;
  }

  long address() {
    return address;
  }

  /**
   * EFAULT where the process does not have the memory, or EOVERFLOW, ENOMEM over the limit, EINVAL
   * where nobody may reach it.
   */
  void pin(Mapping mapping) {
    KernelError.refuseIf(absent, Errno.EINVAL);
    Pin pin = dmaBuf == null ? pinMemory(mapping) : dmaBuf.pin(start + mapping.pagesOffset());
    if (pin == null) {
      throw KernelError.of(endsTheAddresses(mapping) ? Errno.EOVERFLOW : Errno.EFAULT);
    }
    if (pinned == null) {
      pinned = new ArrayList<>(1);
    }
    pinned.add(mapping);
    try {
      account();
      KernelError.refuseIf(mapping.isWithoutAccess(), Errno.EINVAL);
    } catch (KernelError e) {
      pinned.remove(mapping);
      account();
      pin.release();
      throw e;
    }
    mapping.pinned(pin);
  }

  /**
   * What is pinned already is taken from there, whatever the process has done with it since.
   * Source: pfn_reader_fill_span().
   */
  private Pin pinMemory(Mapping mapping) {
    for (int i = 0; pinned != null && i < pinned.size(); i++) {
      Mapping other = pinned.get(i);
      long offset = mapping.pagesOffset() - other.pagesOffset();
      if (offset >= 0 && offset <= other.length() - mapping.length()) {
        return other.pin().from(offset);
      }
    }
    return memory.pin(address + mapping.pagesOffset(), mapping.length(), writable);
  }

  /**
   * Whether the pages that the kernel asks for first reach to where 64 bits end. It counts whole
   * pages there, and so it is not only bytes that do. Source: pin_user_pages_fast() in {@code
   * mm/gup.c}.
   */
  private boolean endsTheAddresses(Mapping mapping) {
    long start = address + mapping.pagesOffset();
    long first = UserMemory.pages(start);
    long count = UserMemory.pages(start + mapping.length() - 1) - first + 1;
    return UserMemory.pages(-1) - first < Math.min(count, MOST_AT_ONCE);
  }

  void unpin(Mapping mapping) {
    mapping.pin().release();
    mapping.pinned(null);
    pinned.remove(mapping);
    account();
  }

  /** {@code whole}, which is pinned, was cut in two. */
  void cut(Mapping whole, Mapping lower, Mapping upper) {
    pinned.remove(whole);
    for (Mapping part : List.of(lower, upper)) {
      part.pinned(whole.pin().from(part.start() - whole.start()));
      pinned.add(part);
    }
    whole.pin().release();
    whole.pinned(null);
    account();
  }

  private void account() {
    if (dmaBuf != null) {
      return;
    }
    long pages = pages();
    memory.accountPinned(account, pages - accounted);
    accounted = pages;
  }

  /** How many pages are pinned by at least one mapping. */
  private long pages() {
    long misaligned = address & (UserMemory.PAGE - 1);
    long count = 0;
    long next = 0;
    if (pinned.size() > 1) {
      pinned.sort(Comparator.comparingLong(Mapping::pagesOffset));
    }
    for (Mapping mapping : pinned) {
      long first = Math.max(next, UserMemory.pages(misaligned + mapping.pagesOffset()));
      long end = UserMemory.pages(misaligned + mapping.pagesOffset() + mapping.length() - 1) + 1;
      if (end > first) {
        count += end - first;
        next = end;
      }
    }
    return count;
  }
}
