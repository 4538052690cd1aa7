// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_map_file}: the argument of IOMMU_IOAS_MAP_FILE. Linux 6.13. */
public final class IommuIoasMapFile extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int IOAS_ID = 8;
  public static final int FD = 12;
  public static final int START = 16;
  public static final int LENGTH = 24;
  public static final int IOVA = 32;

  public IommuIoasMapFile() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasMapFile size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuIoasMapFile flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuIoasMapFile ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public int fd() {
    return getInt(FD);
  }

  public IommuIoasMapFile fd(int value) {
    putInt(FD, value);
    return this;
  }

  public long start() {
    return getLong(START);
  }

  public IommuIoasMapFile start(long value) {
    putLong(START, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuIoasMapFile length(long value) {
    putLong(LENGTH, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public IommuIoasMapFile iova(long value) {
    putLong(IOVA, value);
    return this;
  }
}
