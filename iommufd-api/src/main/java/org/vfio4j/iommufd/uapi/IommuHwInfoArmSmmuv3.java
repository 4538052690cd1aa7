// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import java.util.Objects;
import org.vfio4j.memory.Struct;

/** {@code struct iommu_hw_info_arm_smmuv3}: what GET_HW_INFO tells of an Arm SMMUv3. Linux 6.13. */
public final class IommuHwInfoArmSmmuv3 extends Struct {
  public static final int SIZEOF = 40;
  public static final int FLAGS = 0;
  public static final int RESERVED = 4;
  public static final int IDR = 8;
  public static final int IIDR = 32;
  public static final int AIDR = 36;

  public IommuHwInfoArmSmmuv3() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwInfoArmSmmuv3 flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  /** {@code index}: 0 to 5. */
  public int idr(int index) {
    return getInt(IDR + Objects.checkIndex(index, 6) * Integer.BYTES);
  }

  public IommuHwInfoArmSmmuv3 idr(int index, int value) {
    putInt(IDR + Objects.checkIndex(index, 6) * Integer.BYTES, value);
    return this;
  }

  public int iidr() {
    return getInt(IIDR);
  }

  public IommuHwInfoArmSmmuv3 iidr(int value) {
    putInt(IIDR, value);
    return this;
  }

  public int aidr() {
    return getInt(AIDR);
  }

  public IommuHwInfoArmSmmuv3 aidr(int value) {
    putInt(AIDR, value);
    return this;
  }
}
