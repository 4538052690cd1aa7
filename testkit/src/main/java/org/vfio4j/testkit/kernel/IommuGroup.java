// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.vfio4j.Errno;

/**
 * Devices that the IOMMU cannot tell apart, and who owns their DMA: the host's drivers, or one user
 * of VFIO.
 *
 * <p>Source: {@code drivers/iommu/iommu.c}.
 */
final class IommuGroup {
  /** What a group that VFIO makes is called, with mediated devices too. */
  static final String MADE_BY_VFIO = "vfio-noiommu";

  /** {@code enum vfio_group_type}. */
  enum Kind {
    /** The IOMMU made it. */
    IOMMU,
    /** VFIO made it for a device without an IOMMU, in its no-IOMMU mode. */
    NO_IOMMU,
    /** VFIO made it for a mediated device, which its driver isolates. */
    EMULATED_IOMMU
  }

  private final int number;
  private final Kind kind;
  private final List<BusDevice> devices = new ArrayList<>();
  private Object owner;
  private int ownerCount;
  private final Map<Integer, Translation> translations = new HashMap<>();

  IommuGroup(int number, Kind kind) {
    this.number = number;
    this.kind = kind;
  }

  int number() {
    return number;
  }

  Kind kind() {
    return kind;
  }

  List<BusDevice> devices() {
    return devices;
  }

  /** What stands before its devices; null while the host has them, or nobody. */
  Translation translation(int pasid) {
    return translations.get(pasid);
  }

  /** Null for nothing. */
  void translation(int pasid, Translation translation) {
    if (translation == null) {
      translations.remove(pasid);
    } else {
      translations.put(pasid, translation);
    }
  }

  /** What a container has mapped; null for nothing. */
  void space(Translation attached) {
    translation(IommufdGroup.NO_PASID, attached);
  }

  boolean isOwnedBy(Object claimant) {
    return ownerCount > 0 && owner == claimant;
  }

  boolean isOwned() {
    return ownerCount > 0;
  }

  /** iommu_device_use_default_domain(): a driver of the host is bound. */
  void useByHost() {
    KernelError.refuseIf(ownerCount > 0 && owner != null, Errno.EBUSY);
    ownerCount++;
  }

  /** iommu_group_claim_dma_owner(). */
  void claim(Object claimant) {
    KernelError.refuseIf(ownerCount > 0, Errno.EPERM);
    owner = claimant;
    ownerCount = 1;
  }

  /** iommu_device_claim_dma_owner(): more than one device of the group may. */
  void claimForDevice(Object claimant) {
    KernelError.refuseIf(ownerCount > 0 && owner != claimant, Errno.EPERM);
    owner = claimant;
    ownerCount++;
  }

  void release() {
    ownerCount--;
    if (ownerCount == 0) {
      owner = null;
      translations.clear();
    }
  }
}
