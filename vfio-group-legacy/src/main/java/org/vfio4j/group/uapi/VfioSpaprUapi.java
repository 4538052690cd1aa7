// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

/**
 * The numbers of {@code linux/vfio.h} that concern the IOMMU of POWER servers (sPAPR TCE) and their
 * error handling (EEH), by their names there.
 *
 * <p>Three of the calls have the numbers of calls of type1, and mean something else there: they
 * must be made on a container whose IOMMU is this one, and on no other.
 */
public final class VfioSpaprUapi {
  public static final int VFIO_SPAPR_TCE_IOMMU = 2;
  public static final int VFIO_EEH = 5;
  public static final int VFIO_SPAPR_TCE_v2_IOMMU = 7;

  public static final int VFIO_IOMMU_SPAPR_TCE_GET_INFO = 0x3B70;
  public static final int VFIO_IOMMU_ENABLE = 0x3B73;
  public static final int VFIO_IOMMU_DISABLE = 0x3B74;
  public static final int VFIO_IOMMU_SPAPR_REGISTER_MEMORY = 0x3B75;
  public static final int VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY = 0x3B76;
  public static final int VFIO_IOMMU_SPAPR_TCE_CREATE = 0x3B77;
  public static final int VFIO_IOMMU_SPAPR_TCE_REMOVE = 0x3B78;
  public static final int VFIO_EEH_PE_OP = 0x3B79;

  public static final int VFIO_IOMMU_SPAPR_INFO_DDW = 1;

  public static final int VFIO_EEH_PE_DISABLE = 0;
  public static final int VFIO_EEH_PE_ENABLE = 1;
  public static final int VFIO_EEH_PE_UNFREEZE_IO = 2;
  public static final int VFIO_EEH_PE_UNFREEZE_DMA = 3;
  public static final int VFIO_EEH_PE_GET_STATE = 4;
  public static final int VFIO_EEH_PE_RESET_DEACTIVATE = 5;
  public static final int VFIO_EEH_PE_RESET_HOT = 6;
  public static final int VFIO_EEH_PE_RESET_FUNDAMENTAL = 7;
  public static final int VFIO_EEH_PE_CONFIGURE = 8;
  public static final int VFIO_EEH_PE_INJECT_ERR = 9;

  public static final int VFIO_EEH_PE_STATE_NORMAL = 0;
  public static final int VFIO_EEH_PE_STATE_RESET = 1;
  public static final int VFIO_EEH_PE_STATE_STOPPED = 2;
  public static final int VFIO_EEH_PE_STATE_STOPPED_DMA = 4;
  public static final int VFIO_EEH_PE_STATE_UNAVAIL = 5;

  private VfioSpaprUapi() {}
}
