// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

/** What a device may do with mapped memory. */
public enum DmaAccess {
  /** The device may read. */
  READ(true, false),
  /**
   * The device may write. Whether it may read as well is up to the IOMMU and its driver: with VT-d
   * on Linux 6.12 it may.
   */
  WRITE(false, true),
  READ_WRITE(true, true);

  private final boolean read;
  private final boolean write;

  DmaAccess(boolean read, boolean write) {
    this.read = read;
    this.write = write;
  }

  public boolean canRead() {
    return read;
  }

  public boolean canWrite() {
    return write;
  }
}
