// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_vdevice_alloc}: the argument of IOMMU_VDEVICE_ALLOC. Linux 6.13. */
public final class IommuVdeviceAlloc extends Struct {
  public static final int SIZEOF = 24;
  public static final int SIZE = 0;
  public static final int VIOMMU_ID = 4;
  public static final int DEV_ID = 8;
  public static final int OUT_VDEVICE_ID = 12;
  public static final int VIRT_ID = 16;

  public IommuVdeviceAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuVdeviceAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int viommuId() {
    return getInt(VIOMMU_ID);
  }

  public IommuVdeviceAlloc viommuId(int value) {
    putInt(VIOMMU_ID, value);
    return this;
  }

  public int devId() {
    return getInt(DEV_ID);
  }

  public IommuVdeviceAlloc devId(int value) {
    putInt(DEV_ID, value);
    return this;
  }

  public int outVdeviceId() {
    return getInt(OUT_VDEVICE_ID);
  }

  public IommuVdeviceAlloc outVdeviceId(int value) {
    putInt(OUT_VDEVICE_ID, value);
    return this;
  }

  public long virtId() {
    return getLong(VIRT_ID);
  }

  public IommuVdeviceAlloc virtId(long value) {
    putLong(VIRT_ID, value);
    return this;
  }
}
