// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_fault_alloc}: the argument of IOMMU_FAULT_QUEUE_ALLOC. Linux 6.11. */
public final class IommuFaultAlloc extends Struct {
  public static final int SIZEOF = 16;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int OUT_FAULT_ID = 8;
  public static final int OUT_FAULT_FD = 12;

  public IommuFaultAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuFaultAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuFaultAlloc flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int outFaultId() {
    return getInt(OUT_FAULT_ID);
  }

  public IommuFaultAlloc outFaultId(int value) {
    putInt(OUT_FAULT_ID, value);
    return this;
  }

  public int outFaultFd() {
    return getInt(OUT_FAULT_FD);
  }

  public IommuFaultAlloc outFaultFd(int value) {
    putInt(OUT_FAULT_FD, value);
    return this;
  }
}
