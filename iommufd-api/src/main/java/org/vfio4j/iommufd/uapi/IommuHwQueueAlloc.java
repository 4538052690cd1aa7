// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_hw_queue_alloc}: the argument of IOMMU_HW_QUEUE_ALLOC. Linux 6.17. */
public final class IommuHwQueueAlloc extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int VIOMMU_ID = 8;
  public static final int TYPE = 12;
  public static final int INDEX = 16;
  public static final int OUT_HW_QUEUE_ID = 20;
  public static final int NESTING_PARENT_IOVA = 24;
  public static final int LENGTH = 32;

  public IommuHwQueueAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuHwQueueAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwQueueAlloc flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int viommuId() {
    return getInt(VIOMMU_ID);
  }

  public IommuHwQueueAlloc viommuId(int value) {
    putInt(VIOMMU_ID, value);
    return this;
  }

  public int type() {
    return getInt(TYPE);
  }

  public IommuHwQueueAlloc type(int value) {
    putInt(TYPE, value);
    return this;
  }

  public int index() {
    return getInt(INDEX);
  }

  public IommuHwQueueAlloc index(int value) {
    putInt(INDEX, value);
    return this;
  }

  public int outHwQueueId() {
    return getInt(OUT_HW_QUEUE_ID);
  }

  public IommuHwQueueAlloc outHwQueueId(int value) {
    putInt(OUT_HW_QUEUE_ID, value);
    return this;
  }

  public long nestingParentIova() {
    return getLong(NESTING_PARENT_IOVA);
  }

  public IommuHwQueueAlloc nestingParentIova(long value) {
    putLong(NESTING_PARENT_IOVA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuHwQueueAlloc length(long value) {
    putLong(LENGTH, value);
    return this;
  }
}
