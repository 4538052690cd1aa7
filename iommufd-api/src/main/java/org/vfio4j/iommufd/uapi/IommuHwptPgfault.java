// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_hwpt_pgfault}: a page fault, as a fault queue gives it. Linux 6.11. */
public final class IommuHwptPgfault extends Struct {
  public static final int SIZEOF = 40;
  public static final int FLAGS = 0;
  public static final int DEV_ID = 4;
  public static final int PASID = 8;
  public static final int GRPID = 12;
  public static final int PERM = 16;
  public static final int RESERVED = 20;
  public static final int ADDR = 24;
  public static final int LENGTH = 32;
  public static final int COOKIE = 36;

  public IommuHwptPgfault() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwptPgfault flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int devId() {
    return getInt(DEV_ID);
  }

  public IommuHwptPgfault devId(int value) {
    putInt(DEV_ID, value);
    return this;
  }

  public int pasid() {
    return getInt(PASID);
  }

  public IommuHwptPgfault pasid(int value) {
    putInt(PASID, value);
    return this;
  }

  public int grpid() {
    return getInt(GRPID);
  }

  public IommuHwptPgfault grpid(int value) {
    putInt(GRPID, value);
    return this;
  }

  public int perm() {
    return getInt(PERM);
  }

  public IommuHwptPgfault perm(int value) {
    putInt(PERM, value);
    return this;
  }

  public long addr() {
    return getLong(ADDR);
  }

  public IommuHwptPgfault addr(long value) {
    putLong(ADDR, value);
    return this;
  }

  public int length() {
    return getInt(LENGTH);
  }

  public IommuHwptPgfault length(int value) {
    putInt(LENGTH, value);
    return this;
  }

  public int cookie() {
    return getInt(COOKIE);
  }

  public IommuHwptPgfault cookie(int value) {
    putInt(COOKIE, value);
    return this;
  }
}
