// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;

/**
 * What iommufd puts where no IOMMU is: a page table in software, which pins memory and translates
 * nothing.
 */
final class NoIommuDriver extends IommuDriver {
  @Override
  int hwInfoType() {
    return 0;
  }

  @Override
  byte[] hwInfo(int type) {
    return type == 0 ? new byte[0] : null;
  }

  @Override
  long pageSizes() {
    return UserMemory.PAGE;
  }

  @Override
  boolean canTrackDirty(Endpoint device) {
    return false;
  }

  @Override
  PagingDomain allocate(Endpoint device, int flags, UserData data) {
    KernelError.refuseIf(flags != 0 || data != null, Errno.EOPNOTSUPP);
    return new PagingDomain(this, new IovaRange(0, -1), false);
  }

  @Override
  void attach(Endpoint device, IommuDomain domain) {}
}
