// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwptArmSmmuv3;
import org.vfio4j.iommufd.uapi.IommuVeventArmSmmuv3;
import org.vfio4j.iommufd.uapi.IommuViommuArmSmmuv3Invalidate;
import org.vfio4j.iommufd.uapi.IommufdUapi;

/**
 * An SMMUv3 for a guest, with its stream table entries, its commands and its events.
 *
 * <p>Source: {@code drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c} and {@code
 * tegra241-cmdqv.c}.
 */
final class VirtualSmmu extends VirtualIommu {
  private static final long VALID = 1;
  private static final long CONFIG = 0b1110;
  private static final int CONFIG_SHIFT = 1;
  private static final long CONTEXTS = 0x000f_ffff_ffff_ffc0L;

  /** What a guest may say in the first word: valid, configuration, format and place of contexts. */
  private static final long ALLOWED = VALID | CONFIG | 0b11_0000 | CONTEXTS | 0x1fL << 59;

  private static final int ABORT = 0;
  private static final int BYPASS = 4;
  private static final int STAGE_1 = 5;

  private static final int COMMAND = 0xff;
  private static final int CFGI_CD = 0x05;
  private static final int CFGI_CD_ALL = 0x06;
  private static final int TLBI_NH_ALL = 0x10;
  private static final int TLBI_NH_ASID = 0x11;
  private static final int TLBI_NH_VA = 0x12;
  private static final int TLBI_NH_VAA = 0x13;
  private static final int TLBI_NSNH_ALL = 0x30;
  private static final int ATC_INV = 0x40;

  private static final long EVENT_TRANSLATION = 0x10;
  private static final long EVENT_READ = 1L << 35;

  private final boolean hasQueues;
  private final RegisterPage registers = new RegisterPage();

  VirtualSmmu(IommuDriver owner, PagingDomain parent, boolean hasQueues) {
    super(owner, parent);
    this.hasQueues = hasQueues;
  }

  /** arm_vsmmu_alloc_domain_nested(). */
  @Override
  NestedDomain allocateNested(int flags, UserData data) {
    KernelError.refuseIf(flags != 0, Errno.EOPNOTSUPP);
    int size = IommuHwptArmSmmuv3.SIZEOF;
    ByteBuffer struct = data.struct(IommufdUapi.IOMMU_HWPT_DATA_ARM_SMMUV3, size, size);
    long entry = struct.getLong(IommuHwptArmSmmuv3.STE);
    if ((entry & VALID) == 0) {
      return new SmmuNestedDomain(owner(), parent(), SmmuNestedDomain.Config.ABORT, 0);
    }
    KernelError.refuseIf((entry & ~ALLOWED) != 0, Errno.EIO);
    SmmuNestedDomain.Config config =
        switch ((int) ((entry & CONFIG) >>> CONFIG_SHIFT)) {
          case ABORT -> SmmuNestedDomain.Config.ABORT;
          case BYPASS -> SmmuNestedDomain.Config.BYPASS;
          case STAGE_1 -> SmmuNestedDomain.Config.STAGE_1;
          default -> throw KernelError.of(Errno.EIO);
        };
    return new SmmuNestedDomain(owner(), parent(), config, entry & CONTEXTS);
  }

  /** arm_vsmmu_cache_invalidate(); nothing is kept that would have to be forgotten. */
  @Override
  void invalidate(Viommu viommu, UserArray entries) {
    int type = IommufdUapi.IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3;
    KernelError.refuseIf(entries.type() != type, Errno.EINVAL);
    int size = IommuViommuArmSmmuv3Invalidate.SIZEOF;
    for (int i = 0; Integer.compareUnsigned(i, entries.count()) < 0; i++) {
      ByteBuffer entry = entries.struct(i, type, size, size);
      long command = entry.getLong(IommuViommuArmSmmuv3Invalidate.CMD);
      switch ((int) command & COMMAND) {
        case TLBI_NSNH_ALL, TLBI_NH_ALL, TLBI_NH_ASID, TLBI_NH_VA, TLBI_NH_VAA -> {}
        case ATC_INV, CFGI_CD, CFGI_CD_ALL ->
            KernelError.refuseIf(viommu.device(command >>> Integer.SIZE) == null, Errno.EIO);
        default -> throw KernelError.of(Errno.EIO);
      }
      entries.finished();
    }
  }

  /** arm_vmaster_report_event(): with the number by which the guest knows the device. */
  @Override
  void fault(Vdevice device, long address, boolean write) {
    Veventq queue = device.viommu().eventQueue(IommufdUapi.IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
    if (queue == null) {
      return;
    }
    ByteBuffer event =
        ByteBuffer.allocate(IommuVeventArmSmmuv3.SIZEOF).order(ByteOrder.LITTLE_ENDIAN);
    event.putLong(0, EVENT_TRANSLATION | device.virtualId() << Integer.SIZE);
    event.putLong(Long.BYTES, write ? 0 : EVENT_READ);
    event.putLong(2 * Long.BYTES, address);
    queue.report(event.array());
  }

  /** Where a guest tells its queues how far it is. */
  @Override
  DeviceMemory.Registers window() {
    return hasQueues ? registers : null;
  }

  @Override
  void checkQueueType(int type) {
    boolean known = hasQueues && type == IommufdUapi.IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV;
    KernelError.refuseIf(!known, Errno.EOPNOTSUPP);
  }
}
