// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * The IOMMU of the self-test's mock devices: it has what emulated IOMMUs lack.
 *
 * <p>Source: {@code drivers/iommu/iommufd/selftest.c}.
 */
final class MockDriver extends IommuDriver {
  static final int DEVICE_NO_DIRTY = 1;
  static final int DEVICE_HUGE_IOVA = 1 << 1;
  static final int DEVICE_PASID = 1 << 2;

  /** Half a page of the kernel's. */
  static final int PAGE_SIZE = UserMemory.PAGE / 2;

  static final int HWPT_DATA = 0xdead;
  static final int VIOMMU_TYPE = 0xdeadbeef;

  private static final int HW_INFO_TYPE = 0xfeedbeef;
  private static final int HW_INFO_REGISTER = 0xdeadbeef;
  private static final int HW_INFO_SIZE = 8;
  private static final int PASID_BITS = 20;
  private static final IovaRange APERTURE = new IovaRange(1 << 24, (1L << 31) - 1);

  private final KernelVersion version;

  MockDriver(KernelVersion version) {
    this.version = version;
  }

  @Override
  int hwInfoType() {
    return HW_INFO_TYPE;
  }

  @Override
  byte[] hwInfo(int type) {
    if (type != HW_INFO_TYPE) {
      return null;
    }
    ByteBuffer info = ByteBuffer.allocate(HW_INFO_SIZE).order(ByteOrder.nativeOrder());
    return info.putInt(Integer.BYTES, HW_INFO_REGISTER).array();
  }

  @Override
  long pageSizes() {
    return PAGE_SIZE;
  }

  private static int flags(Endpoint device) {
    return ((MockDevice) device).flags();
  }

  @Override
  boolean canTrackDirty(Endpoint device) {
    return (flags(device) & DEVICE_NO_DIRTY) == 0;
  }

  @Override
  int pasidBits(Endpoint device) {
    return (flags(device) & DEVICE_PASID) != 0 ? PASID_BITS : 0;
  }

  @Override
  PagingDomain allocate(Endpoint device, int flags, UserData data) {
    boolean dirty = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING) != 0;
    int known =
        IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT
            | IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING
            | (version.hasPasids() ? IommufdUapi.IOMMU_HWPT_ALLOC_PASID : 0);
    boolean wrong = (flags & ~known) != 0 || data != null || (dirty && !canTrackDirty(device));
    KernelError.refuseIf(wrong, Errno.EOPNOTSUPP);
    return new PagingDomain(this, APERTURE, dirty);
  }

  @Override
  NestedDomain allocateNested(Endpoint device, int flags, PagingDomain parent, UserData data) {
    int known = version.hasPasids() ? IommufdUapi.IOMMU_HWPT_ALLOC_PASID : 0;
    boolean unknown = data.type() != HWPT_DATA || (flags & ~known) != 0;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    ByteBuffer iotlb = data.struct(HWPT_DATA, Integer.BYTES, Integer.BYTES);
    return new MockNestedDomain(this, parent, iotlb.getInt(0));
  }

  /** mock_domain_nop_attach(). */
  @Override
  void attach(Endpoint device, IommuDomain domain) {
    boolean dirty = domain instanceof PagingDomain paging && paging.hasDirtyOps();
    KernelError.refuseIf(dirty && !canTrackDirty(device), Errno.EINVAL);
  }

  @Override
  void enableFaults(Endpoint device) {}

  @Override
  boolean hasVirtual(int type) {
    return type == VIOMMU_TYPE;
  }

  @Override
  VirtualIommu makeVirtual(int type, Endpoint device, PagingDomain parent, UserData data) {
    return new MockVirtualIommu(this, parent, data, version);
  }
}
