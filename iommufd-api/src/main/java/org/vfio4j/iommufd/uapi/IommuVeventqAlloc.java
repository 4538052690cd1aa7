// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_veventq_alloc}: the argument of IOMMU_VEVENTQ_ALLOC. Linux 6.15. */
public final class IommuVeventqAlloc extends Struct {
  public static final int SIZEOF = 32;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int VIOMMU_ID = 8;
  public static final int TYPE = 12;
  public static final int VEVENTQ_DEPTH = 16;
  public static final int OUT_VEVENTQ_ID = 20;
  public static final int OUT_VEVENTQ_FD = 24;
  public static final int RESERVED = 28;

  public IommuVeventqAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuVeventqAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuVeventqAlloc flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int viommuId() {
    return getInt(VIOMMU_ID);
  }

  public IommuVeventqAlloc viommuId(int value) {
    putInt(VIOMMU_ID, value);
    return this;
  }

  public int type() {
    return getInt(TYPE);
  }

  public IommuVeventqAlloc type(int value) {
    putInt(TYPE, value);
    return this;
  }

  public int veventqDepth() {
    return getInt(VEVENTQ_DEPTH);
  }

  public IommuVeventqAlloc veventqDepth(int value) {
    putInt(VEVENTQ_DEPTH, value);
    return this;
  }

  public int outVeventqId() {
    return getInt(OUT_VEVENTQ_ID);
  }

  public IommuVeventqAlloc outVeventqId(int value) {
    putInt(OUT_VEVENTQ_ID, value);
    return this;
  }

  public int outVeventqFd() {
    return getInt(OUT_VEVENTQ_FD);
  }

  public IommuVeventqAlloc outVeventqFd(int value) {
    putInt(OUT_VEVENTQ_FD, value);
    return this;
  }
}
