// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

/** A disk, as programs want it. */
public interface BlockDevice extends AutoCloseable {
  /** In bytes. */
  int blockSize();

  long blocks();

  /** Fills {@code target}, whose length is a multiple of the block size, from this block on. */
  void read(long block, byte[] target);

  /** Writes {@code source}, whose length is a multiple of the block size, from this block on. */
  void write(long block, byte[] source);

  @Override
  void close();
}
