// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hw_info_tegra241_cmdqv}: what GET_HW_INFO tells of the command queues of a
 * Tegra241. Linux 6.17.
 */
public final class IommuHwInfoTegra241Cmdqv extends Struct {
  public static final int SIZEOF = 8;
  public static final int FLAGS = 0;
  public static final int VERSION = 4;
  public static final int LOG2VCMDQS = 5;
  public static final int LOG2VSIDS = 6;
  public static final int RESERVED = 7;

  public IommuHwInfoTegra241Cmdqv() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwInfoTegra241Cmdqv flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public byte version() {
    return getByte(VERSION);
  }

  public IommuHwInfoTegra241Cmdqv version(byte value) {
    putByte(VERSION, value);
    return this;
  }

  public byte log2vcmdqs() {
    return getByte(LOG2VCMDQS);
  }

  public IommuHwInfoTegra241Cmdqv log2vcmdqs(byte value) {
    putByte(LOG2VCMDQS, value);
    return this;
  }

  public byte log2vsids() {
    return getByte(LOG2VSIDS);
  }

  public IommuHwInfoTegra241Cmdqv log2vsids(byte value) {
    putByte(LOG2VSIDS, value);
    return this;
  }
}
