// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import java.util.Objects;
import org.vfio4j.memory.Struct;

/** {@code struct iommu_vevent_arm_smmuv3}: an event of a virtual Arm SMMUv3. Linux 6.15. */
public final class IommuVeventArmSmmuv3 extends Struct {
  public static final int SIZEOF = 32;
  public static final int EVT = 0;

  public IommuVeventArmSmmuv3() {
    super(SIZEOF);
  }

  /** {@code index}: 0 to 3. */
  public long evt(int index) {
    return getLong(EVT + Objects.checkIndex(index, 4) * Long.BYTES);
  }

  public IommuVeventArmSmmuv3 evt(int index, long value) {
    putLong(EVT + Objects.checkIndex(index, 4) * Long.BYTES, value);
    return this;
  }
}
