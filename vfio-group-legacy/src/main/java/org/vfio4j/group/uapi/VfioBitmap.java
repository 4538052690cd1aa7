// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_bitmap}: where a bitmap is and what a bit stands for. Linux 5.8. */
public final class VfioBitmap extends Struct {
  public static final int SIZEOF = 24;
  public static final int PGSIZE = 0;
  public static final int SIZE = 8;
  public static final int DATA = 16;

  public VfioBitmap() {
    super(SIZEOF);
  }

  public long pgsize() {
    return getLong(PGSIZE);
  }

  public VfioBitmap pgsize(long value) {
    putLong(PGSIZE, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioBitmap size(long value) {
    putLong(SIZE, value);
    return this;
  }

  public long data() {
    return getLong(DATA);
  }

  public VfioBitmap data(long value) {
    putLong(DATA, value);
    return this;
  }
}
