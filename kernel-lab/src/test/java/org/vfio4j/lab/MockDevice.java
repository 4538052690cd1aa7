// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.lang.ref.Reference;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Hwpt;
import org.vfio4j.iommufd.HwptData;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.Invalidations;
import org.vfio4j.iommufd.IoPageTable;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PtId;
import org.vfio4j.memory.NativeBlock;

/**
 * A mock device of iommufd's self-test (CONFIG_IOMMUFD_TEST), which is bound and attached by the
 * call that makes it, and detached and gone with the one that destroys it. Its IOMMU has what
 * emulated ones lack, and does what it is told.
 *
 * <p>The kernel finds the mock IOMMU only where there is no other one, so that the scenarios run in
 * the topology without. Source: {@code drivers/iommu/iommufd/iommufd_test.h}.
 */
final class MockDevice implements AutoCloseable {
  /** The page size of the mock IOMMU. */
  static final long IO_PAGE = 2048;

  /** What the mock IOMMU translates begins here. */
  static final long APERTURE = 1 << 24;

  static final int HW_INFO_TYPE = 0xfeedbeef;
  static final int HW_INFO_REGISTER = 0xdeadbeef;
  static final int HWPT_DATA = 0xdead;
  static final int INVALIDATE_DATA = 0xdeadbeef;
  static final int INVALIDATE_ALL = 1;

  static final int NO_DIRTY = 1;

  private static final int IOMMU_TEST_CMD = 0x3BA0;
  private static final int SIZE = 72;
  private static final int OP = 4;
  private static final int ID = 8;
  private static final int UNION = 16;

  private static final int ADD_RESERVED = 1;
  private static final int MD_CHECK_MAP = 3;
  private static final int MOCK_DOMAIN_REPLACE = 10;
  private static final int MOCK_DOMAIN_FLAGS = 12;
  private static final int DIRTY = 13;
  private static final int MD_CHECK_IOTLB = 14;
  private static final int TRIGGER_IOPF = 15;

  private final Iommufd iommufd;
  private final int id;
  private final DevId devId;
  private final HwptId hwpt;
  private final Runnable forget;

  private MockDevice(Iommufd iommufd, int id, DevId devId, HwptId hwpt, DeviceCookie cookie) {
    this.iommufd = iommufd;
    this.id = id;
    this.devId = devId;
    this.hwpt = hwpt;
    this.forget = iommufd.nameDevice(devId, cookie);
  }

  static MockDevice attachedTo(IoPageTable pageTable) {
    return attachedTo(pageTable, 0);
  }

  static MockDevice attachedTo(IoPageTable pageTable, int flags) {
    NativeBlock test = command(MOCK_DOMAIN_FLAGS, pageTable.ptId().value());
    test.putInt(UNION + 12, flags);
    check(call(pageTable.iommufd(), test));
    return new MockDevice(
        pageTable.iommufd(),
        test.getInt(UNION),
        new DevId(test.getInt(UNION + 8)),
        new HwptId(test.getInt(UNION + 4)),
        DeviceCookie.of(test.getInt(UNION + 8) + 1000L));
  }

  /** The errno that making a device is refused with. */
  static Errno refusal(IoPageTable pageTable, int flags) {
    NativeBlock test = command(MOCK_DOMAIN_FLAGS, pageTable.ptId().value());
    test.putInt(UNION + 12, flags);
    return Errno.ofResult(call(pageTable.iommufd(), test));
  }

  DevId devId() {
    return devId;
  }

  DeviceCookie cookie() {
    return iommufd.cookieOf(devId).orElseThrow();
  }

  /** What it was attached to in the beginning. */
  HwptId hwpt() {
    return hwpt;
  }

  /** Its id: of the object that stands for it, not of the device. */
  int id() {
    return id;
  }

  /** The id of the page table that it is attached to now. */
  int replace(PtId ptId) {
    NativeBlock test = command(MOCK_DOMAIN_REPLACE, id);
    test.putInt(UNION, ptId.value());
    check(call(iommufd, test));
    return test.getInt(UNION);
  }

  /** As {@link #replace}, which is refused. */
  Errno replaceRefusal(PtId ptId) {
    NativeBlock test = command(MOCK_DOMAIN_REPLACE, id);
    test.putInt(UNION, ptId.value());
    return Errno.ofResult(call(iommufd, test));
  }

  /** Writes to pages of {@link #IO_PAGE} bytes, counted from {@code iova} on, as its DMA would. */
  static long write(Hwpt hwpt, long iova, int... pages) {
    int last = 0;
    for (int page : pages) {
      last = Math.max(last, page);
    }
    NativeBlock bits = new NativeBlock((last / Long.SIZE + 1) * Long.BYTES);
    for (int page : pages) {
      int at = page / Byte.SIZE;
      bits.putByte(at, (byte) (bits.getByte(at) | 1 << page % Byte.SIZE));
    }
    NativeBlock test = command(DIRTY, hwpt.id().value());
    test.putLong(UNION + 8, iova);
    test.putLong(UNION + 16, (last + 1) * IO_PAGE);
    test.putLong(UNION + 24, IO_PAGE);
    test.putLong(UNION + 32, bits.address());
    try {
      check(call(hwpt.iommufd(), test));
    } finally {
      Reference.reachabilityFence(bits);
    }
    return test.getLong(UNION + 40);
  }

  /** Whether the page table leads from there to that memory. */
  static boolean leads(Iommufd iommufd, HwptId hwpt, long iova, long length, long memory) {
    NativeBlock test = command(MD_CHECK_MAP, hwpt.value());
    test.putLong(UNION, iova);
    test.putLong(UNION + 8, length);
    test.putLong(UNION + 16, memory);
    int result = call(iommufd, test);
    if (result < 0 && !Errno.EINVAL.is(result)) {
      check(result);
    }
    return result == 0;
  }

  static void reserve(Iommufd iommufd, PtId ioas, long start, long length) {
    NativeBlock test = command(ADD_RESERVED, ioas.value());
    test.putLong(UNION, start);
    test.putLong(UNION + 8, length);
    check(call(iommufd, test));
  }

  /** What a guest's page table for the mock IOMMU is: what its cache holds at first. */
  static HwptData table(int content) {
    NativeBlock data = new NativeBlock(Integer.BYTES);
    data.putInt(0, content);
    return new HwptData(HWPT_DATA, data);
  }

  /** Whether the cache of a guest's page table holds that. */
  static boolean keeps(NestedHwpt hwpt, int index, int content) {
    NativeBlock test = command(MD_CHECK_IOTLB, hwpt.id().value());
    test.putInt(UNION, index);
    test.putInt(UNION + 4, content);
    int result = call(hwpt.iommufd(), test);
    if (result < 0 && !Errno.EINVAL.is(result)) {
      check(result);
    }
    return result == 0;
  }

  /** Entries for {@link #keeps}: pairs of flags and an index. */
  static Invalidations entries(int... pairs) {
    Invalidations entries = Invalidations.of(INVALIDATE_DATA, 8, pairs.length / 2);
    for (int i = 0; i < pairs.length; i += 2) {
      NativeBlock entry = new NativeBlock(8);
      entry.putInt(0, pairs[i]);
      entry.putInt(4, pairs[i + 1]);
      entries.add(entry);
    }
    return entries;
  }

  /** Asks for a page, which nobody hears where there is no fault queue. */
  void fault(int pasid, int group, int permissions, long address) {
    NativeBlock test = command(TRIGGER_IOPF, 0);
    test.putInt(UNION, devId.value());
    test.putInt(UNION + 4, pasid);
    test.putInt(UNION + 8, group);
    test.putInt(UNION + 12, permissions);
    test.putLong(UNION + 16, address);
    check(call(iommufd, test));
  }

  @Override
  public void close() {
    iommufd.destroy(id);
    forget.run();
  }

  private static NativeBlock command(int op, int id) {
    NativeBlock test = new NativeBlock(SIZE);
    test.putInt(0, SIZE);
    test.putInt(OP, op);
    test.putInt(ID, id);
    return test;
  }

  private static int call(Iommufd iommufd, NativeBlock test) {
    return iommufd.kernel().ioctl(iommufd.fd(), IOMMU_TEST_CMD, test);
  }

  private static void check(int result) {
    if (result < 0) {
      throw new AssertionError("IOMMU_TEST_CMD: " + Errno.ofResult(result));
    }
  }
}
