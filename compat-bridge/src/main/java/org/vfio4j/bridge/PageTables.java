// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwInfoVtd;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * What the devices of a container are attached to: page tables over its IOAS, made by the bridge,
 * as type1 makes domains. So what is pinned stays pinned while a device is closed and opened again,
 * and dirty pages can be tracked where the IOMMU does that.
 *
 * <p>Guarded by its IOMMU.
 */
final class PageTables {
  /** Snoop control: transactions can be forced to be coherent. */
  private static final long VTD_ECAP_SC = 1L << 7;

  private static final long VTD_ECAP_SMTS = 1L << 43;
  private static final long VTD_ECAP_SLTS = 1L << 46;
  private static final long VTD_ECAP_FLTS = 1L << 47;
  private static final long VTD_CAP_2M = 1L << 34;
  private static final long VTD_CAP_1G = 1L << 35;
  private static final long VTD_CAP_FIRST_LEVEL_1G = 1L << 56;
  private static final long SIZE_2M = 1L << 21;
  private static final long SIZE_1G = 1L << 30;

  private final DeviceCentric calls;
  private final int iommufd;
  private final int ioas;
  private final long page;
  private final List<Table> tables = new ArrayList<>();
  private final Set<BridgedGroup> withIommu = new HashSet<>();

  /** What their devices write no page table sees. */
  private final Set<BridgedGroup> mediated = new HashSet<>();

  private long pageSizes;
  private boolean coherent;
  private boolean automatic;
  private boolean tracking;

  /**
   * A page table.
   *
   * @param tracks whether it knows which pages were written
   */
  private record Table(int id, boolean tracks) {}

  PageTables(DeviceCentric calls, int iommufd, int ioas, long page) {
    this.calls = calls;
    this.iommufd = iommufd;
    this.ioas = ioas;
    this.page = page;
    reset();
  }

  private void reset() {
    pageSizes = -page;
    coherent = true;
    automatic = false;
  }

  /** Attaches a device: what is mapped is pinned with the first that has an IOMMU. */
  void attach(Cause cause, BridgedDevice device) throws BridgeRefusal {
    if (!device.group().isReal()) {
      calls.attach(cause, device.fd(), ioas);
      device.attached(ioas);
      mediated.add(device.group());
      return;
    }
    device.attached(attachReal(cause, device));
    withIommu.add(device.group());
    look(cause, device);
  }

  private int attachReal(Cause cause, BridgedDevice device) throws BridgeRefusal {
    for (Table table : tables) {
      try {
        calls.attach(cause, device.fd(), table.id());
        return table.id();
      } catch (BridgeRefusal e) {
        // EINVAL: this IOMMU wants a page table of its own.
        if (!e.is(Errno.EINVAL)) {
          throw e;
        }
      }
    }
    Table made = allocate(cause, device);
    if (made == null) {
      calls.attach(cause, device.fd(), ioas);
      automatic = true;
      return ioas;
    }
    try {
      calls.attach(cause, device.fd(), made.id());
      if (tracking && made.tracks()) {
        calls.track(cause, iommufd, made.id(), true);
      }
    } catch (BridgeRefusal e) {
      calls.detach(cause, device.fd());
      calls.destroy(cause, iommufd, made.id());
      throw e;
    }
    tables.add(made);
    return made.id();
  }

  /** With dirty tracking where the IOMMU has it; null where the kernel lets nobody make one. */
  private Table allocate(Cause cause, BridgedDevice device) throws BridgeRefusal {
    try {
      int flags = IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
      return new Table(calls.allocateHwpt(cause, iommufd, device.devId(), ioas, flags), true);
    } catch (BridgeRefusal e) {
      refuseOther(e);
    }
    try {
      return new Table(calls.allocateHwpt(cause, iommufd, device.devId(), ioas, 0), false);
    } catch (BridgeRefusal e) {
      refuseOther(e);
      return null;
    }
  }

  private static void refuseOther(BridgeRefusal refusal) throws BridgeRefusal {
    if (!refusal.is(Errno.EOPNOTSUPP) && !refusal.is(Errno.ENOTTY)) {
      throw refusal;
    }
  }

  /** What only the hardware tells: which large pages there are, and whether it can be coherent. */
  private void look(Cause cause, BridgedDevice device) {
    IommuHwInfoVtd vtd = calls.vtd(cause, iommufd, device.devId());
    long sizes = page;
    boolean enforces = false;
    if (vtd != null) {
      long scalable = vtd.ecapReg() & VTD_ECAP_SMTS;
      boolean firstLevel =
          scalable != 0
              && (vtd.ecapReg() & VTD_ECAP_FLTS) != 0
              && (vtd.ecapReg() & VTD_ECAP_SLTS) == 0;
      boolean has1g = (vtd.capReg() & (firstLevel ? VTD_CAP_FIRST_LEVEL_1G : VTD_CAP_1G)) != 0;
      boolean has2m = firstLevel || (vtd.capReg() & VTD_CAP_2M) != 0;
      sizes |= (has2m ? SIZE_2M : 0) | (has1g ? SIZE_1G : 0);
      enforces = (vtd.ecapReg() & VTD_ECAP_SC) != 0;
    }
    pageSizes &= sizes;
    coherent &= enforces;
  }

  void detach(Cause cause, BridgedDevice device) {
    if (device.pageTable() != 0) {
      calls.detach(cause, device.fd());
      device.attached(0);
    }
  }

  /** All devices of the group are closed; without an IOMMU nothing is pinned any more. */
  void left(Cause cause, BridgedGroup group) {
    withIommu.remove(group);
    mediated.remove(group);
    if (withIommu.isEmpty()) {
      for (Table table : tables) {
        calls.destroy(cause, iommufd, table.id());
      }
      tables.clear();
      reset();
    }
  }

  /** Whether an IOMMU translates for a group, and not only the drivers of mediated devices. */
  boolean hasIommu() {
    return !withIommu.isEmpty();
  }

  /**
   * A bit for each page size that all IOMMUs have; all that are multiples where there is none, as
   * type1 has it. An IOAS tells the smallest only, so of an IOMMU that is no VT-d that is all.
   */
  long pageSizes() {
    return pageSizes;
  }

  /** VFIO_DMA_CC_IOMMU: as for the page sizes, what is not known is not claimed. */
  boolean isCacheCoherent() {
    return coherent;
  }

  /** Whether every write of every device is seen by a page table that tracks. */
  boolean tracksAll() {
    return !tables.isEmpty()
        && !automatic
        && mediated.isEmpty()
        && tables.stream().allMatch(Table::tracks);
  }

  /** Starts or stops to track, where page tables can. */
  void track(Cause cause, boolean on) throws BridgeRefusal {
    for (Table table : tables) {
      if (table.tracks()) {
        calls.track(cause, iommufd, table.id(), on);
      }
    }
    tracking = on;
  }

  /**
   * Sets the bits of what was written, and forgets it.
   *
   * @param iova of a range without holes, where {@code bits} begins
   */
  void addDirty(Cause cause, long iova, long size, NativeBlock bits) throws BridgeRefusal {
    for (Table table : tables) {
      calls.addDirty(cause, iommufd, table.id(), iova, size, page, bits);
    }
  }
}
