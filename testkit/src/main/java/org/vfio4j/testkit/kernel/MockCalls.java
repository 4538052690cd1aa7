// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.kernel.FaultQueue.Fault;
import org.vfio4j.testkit.kernel.FaultQueue.FaultGroup;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/**
 * IOMMU_TEST_CMD: the self-test of iommufd, as far as it is about mock devices.
 *
 * <p>What it is about kernel users of an IOAS ("accesses") and about the memory limit of its own is
 * refused with EOPNOTSUPP, as an operation that it does not know. Source: {@code
 * drivers/iommu/iommufd/selftest.c} and {@code iommufd_test.h}.
 */
final class MockCalls {
  static final int IOMMU_TEST_CMD = 0x3BA0;

  /** {@code struct iommu_test_cmd}: a union behind 16 bytes, and a word that ends it. */
  static final int SIZEOF = 72;

  static final int LAST_END = 68;

  private static final int ADD_RESERVED = 1;
  private static final int MOCK_DOMAIN = 2;
  private static final int MD_CHECK_MAP = 3;
  private static final int MOCK_DOMAIN_REPLACE = 10;
  private static final int MOCK_DOMAIN_FLAGS = 12;
  private static final int DIRTY = 13;
  private static final int MD_CHECK_IOTLB = 14;
  private static final int TRIGGER_IOPF = 15;
  private static final int DEV_CHECK_CACHE = 16;
  private static final int TRIGGER_VEVENT = 17;
  private static final int PASID_ATTACH = 18;
  private static final int PASID_REPLACE = 19;
  private static final int PASID_DETACH = 20;
  private static final int PASID_CHECK_HWPT = 21;

  private static final int OP = 4;
  private static final int ID = 8;
  private static final int UNION = 16;
  private static final long MOST_BITS = 16L << 20 << 3;

  private final Core core;
  private final IommufdContext context;

  MockCalls(Core core, IommufdContext context) {
    this.core = core;
    this.context = context;
  }

  void ioctl(IommufdCommand test) {
    int op = test.getInt(OP);
    int id = test.getInt(ID);
    boolean newer =
        (op >= DEV_CHECK_CACHE && !core.version().hasVirtualIommus())
            || (op >= TRIGGER_VEVENT && !core.version().hasVirtualEvents());
    KernelError.refuseIf(newer, Errno.EOPNOTSUPP);
    switch (op) {
      case ADD_RESERVED -> addReserved(test, id);
      case MOCK_DOMAIN -> makeDevice(test, id, 0);
      case MOCK_DOMAIN_FLAGS -> makeDevice(test, id, test.getInt(UNION + 12));
      case MOCK_DOMAIN_REPLACE -> replace(test, id);
      case MD_CHECK_MAP -> checkMap(test, id);
      case MD_CHECK_IOTLB ->
          nested(id).check(test.getInt(UNION), test.getInt(UNION + Integer.BYTES));
      case DIRTY -> markDirty(test, id);
      case TRIGGER_IOPF -> triggerFault(test);
      case DEV_CHECK_CACHE -> checkCache(test, id);
      case TRIGGER_VEVENT -> triggerEvent(test);
      case PASID_ATTACH, PASID_REPLACE -> attachPasid(test, id, op == PASID_REPLACE);
      case PASID_DETACH -> mock(id).device().detachPasid(test.getInt(UNION));
      case PASID_CHECK_HWPT -> checkPasid(test, id);
      default -> throw KernelError.of(Errno.EOPNOTSUPP);
    }
  }

  private void addReserved(IommufdCommand test, int ioas) {
    long start = test.getLong(UNION);
    long length = test.getLong(UNION + Long.BYTES);
    KernelError.refuseIf(length == 0, Errno.EINVAL);
    KernelError.refuseIf(Ioas.wraps(start, length), Errno.EOVERFLOW);
    context.ioas(ioas).reserveForever(start, start + length - 1);
  }

  /** Makes a device, binds it and attaches it. */
  private void makeDevice(IommufdCommand test, int ptId, int flags) {
    int known = MockDriver.DEVICE_NO_DIRTY | MockDriver.DEVICE_HUGE_IOVA;
    if (core.version().hasPasids()) {
      known |= MockDriver.DEVICE_PASID;
    }
    MockObject object = new MockObject(context);
    context.reserve(object);
    try {
      KernelError.refuseIf((flags & ~known) != 0, Errno.EINVAL);
      object.device(context.bind(new MockDevice(core.mock(), flags)));
      int hwpt = object.device().attach(ptId, false);
      test.putInt(UNION, object.id())
          .putInt(UNION + 4, hwpt)
          .putInt(UNION + 8, object.device().id())
          .respond();
      context.complete(object);
    } catch (KernelError e) {
      context.remove(object);
      throw e;
    }
  }

  private MockObject mock(int id) {
    KernelError.refuseIf(!(context.find(id) instanceof MockObject), Errno.ENOENT);
    return (MockObject) context.find(id);
  }

  private void replace(IommufdCommand test, int id) {
    int ptId = mock(id).device().attach(test.getInt(UNION), true);
    test.putInt(UNION, ptId).respond();
  }

  private PagingHwpt paging(int id) {
    PagingHwpt hwpt = context.paging(id);
    KernelError.refuseIf(hwpt.domain().owner() != core.mock(), Errno.EINVAL);
    return hwpt;
  }

  private MockNestedDomain nested(int id) {
    KernelError.refuseIf(!(context.find(id) instanceof NestedHwpt), Errno.ENOENT);
    NestedDomain domain = ((NestedHwpt) context.find(id)).domain();
    KernelError.refuseIf(!(domain instanceof MockNestedDomain), Errno.EINVAL);
    return (MockNestedDomain) domain;
  }

  /** Whether a range of IOVAs leads to that memory. */
  private void checkMap(IommufdCommand test, int id) {
    long iova = test.getLong(UNION);
    long length = test.getLong(UNION + 8);
    long memory = test.getLong(UNION + 16);
    boolean misaligned = ((iova | length | memory) & (MockDriver.PAGE_SIZE - 1)) != 0;
    boolean wraps = Long.compareUnsigned(memory + length, memory) < 0;
    KernelError.refuseIf(misaligned || wraps, Errno.EINVAL);
    PagingHwpt hwpt = paging(id);
    for (long done = 0; Long.compareUnsigned(done, length) < 0; done += MockDriver.PAGE_SIZE) {
      // get_user_pages_fast() of the last page.
      KernelError.refuseIf(((memory + done) | (UserMemory.PAGE - 1)) == -1, Errno.EOVERFLOW);
      test.at(memory + done).getByte(0);
      Mapping area = hwpt.ioas().areas().find(iova + done);
      boolean wrong =
          area == null || area.pages().address() + area.pagesOffset(iova + done) != memory + done;
      KernelError.refuseIf(wrong, Errno.EINVAL);
    }
  }

  /** Marks pages as a device that writes to them would. */
  private void markDirty(IommufdCommand test, int id) {
    long iova = test.getLong(UNION + 8);
    long length = test.getLong(UNION + 16);
    long pageSize = test.getLong(UNION + 24);
    long bits = test.getLong(UNION + 32);
    boolean wrong =
        pageSize == 0
            || length == 0
            || Long.remainderUnsigned(iova, pageSize) != 0
            || Long.remainderUnsigned(length, pageSize) != 0
            || bits == 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long pages = Long.divideUnsigned(length, pageSize);
    KernelError.refuseIf(Long.compareUnsigned(pages, MOST_BITS) > 0, Errno.EOVERFLOW);
    PagingHwpt hwpt = paging(id);
    KernelError.refuseIf(!hwpt.domain().isTracking(), Errno.EINVAL);
    byte[] bitmap = test.at(bits).get(0, (int) ((pages + 7) / Byte.SIZE));
    long marked = 0;
    for (long page = 0; page < pages; page++) {
      boolean set = (bitmap[(int) (page / Byte.SIZE)] >>> page % Byte.SIZE & 1) != 0;
      // The table is asked by the number of the page, whatever its size.
      long at = Long.divideUnsigned(iova + page * pageSize, pageSize) * MockDriver.PAGE_SIZE;
      if (set && hwpt.ioas().areas().find(at) != null) {
        hwpt.domain().written(at, 1);
        marked++;
      }
    }
    test.putLong(UNION + 40, marked).respond();
  }

  private static MockDevice mockOf(IommufdDevice device) {
    KernelError.refuseIf(!(device.endpoint() instanceof MockDevice), Errno.EINVAL);
    return (MockDevice) device.endpoint();
  }

  /** A page request of one page, which gets nowhere where nobody listens. */
  private void triggerFault(IommufdCommand test) {
    IommufdDevice device = context.device(test.getInt(UNION));
    mockOf(device);
    int pasid = test.getInt(UNION + 4);
    int flags = IommufdUapi.IOMMU_PGFAULT_FLAGS_LAST_PAGE;
    if (pasid != IommufdGroup.NO_PASID) {
      flags |= IommufdUapi.IOMMU_PGFAULT_FLAGS_PASID_VALID;
    }
    Attachment attachment = device.attachment(pasid);
    if (attachment == null) {
      // The guest has the table of PASIDs.
      attachment = device.attachment(IommufdGroup.NO_PASID);
      if (attachment == null || !(attachment.hwpt() instanceof NestedHwpt)) {
        return;
      }
    }
    if (attachment.hwpt().faults() != null) {
      Fault fault =
          new Fault(
              flags,
              pasid,
              test.getInt(UNION + 8),
              test.getInt(UNION + 12),
              test.getLong(UNION + 16));
      attachment.hwpt().faults().report(new FaultGroup(attachment, List.of(fault)));
    }
  }

  private void checkCache(IommufdCommand test, int deviceId) {
    MockDevice device = mockOf(context.device(deviceId));
    int index = test.getInt(UNION);
    boolean wrong =
        Integer.compareUnsigned(index, MockDevice.CACHE_SIZE) >= 0
            || device.cache()[index] != test.getInt(UNION + 4);
    KernelError.refuseIf(wrong, Errno.EINVAL);
  }

  /** An event of a device for the guest that knows it. */
  private void triggerEvent(IommufdCommand test) {
    IommufdDevice device = context.device(test.getInt(UNION));
    mockOf(device);
    Vdevice known = device.vdevice();
    KernelError.refuseIf(known == null, Errno.ENOENT);
    MockVirtualIommu.report(known);
  }

  private void attachPasid(IommufdCommand test, int id, boolean replace) {
    IommufdDevice device = mock(id).device();
    int pasid = test.getInt(UNION);
    KernelError.refuseIf(replace && device.attachment(pasid) == null, Errno.EINVAL);
    KernelError.refuseIf(!replace && device.attachment(pasid) != null, Errno.EBUSY);
    test.putInt(UNION + 4, device.attachPasid(pasid, test.getInt(UNION + 4))).respond();
  }

  private void checkPasid(IommufdCommand test, int id) {
    IommufdDevice device = mock(id).device();
    int expected = test.getInt(UNION + 4);
    Attachment attachment = device.attachment(test.getInt(UNION));
    if (expected == 0) {
      KernelError.refuseIf(attachment != null, Errno.EINVAL);
      return;
    }
    KernelError.refuseIf(!(context.find(expected) instanceof Hwpt), Errno.ENOENT);
    boolean other = attachment == null || attachment.hwpt() != context.find(expected);
    KernelError.refuseIf(other, Errno.EINVAL);
  }
}
