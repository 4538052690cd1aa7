// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.MappedMemory;

/**
 * Memory of the process: the host's, which stays as long as a device may reach it, as pinned pages
 * do.
 */
final class AnonymousMemory extends MappedMemory {
  private final Kernel host;
  private final MappedMemory pages;
  private final boolean writable;
  private int pins;

  AnonymousMemory(Kernel host, MappedMemory pages, boolean writable) {
    super(pages.size(), "anonymous memory");
    this.host = host;
    this.pages = pages;
    this.writable = writable;
  }

  @Override
  public long address() {
    return pages.address();
  }

  boolean isWritable() {
    return writable;
  }

  /** What devices go on reaching when the process has unmapped it. */
  MappedMemory pages() {
    return pages;
  }

  void pin() {
    pins++;
  }

  void unpin() {
    pins--;
    freeUnused();
  }

  /** False when it was unmapped before. */
  boolean unmap() {
    boolean first = markUnmapped();
    freeUnused();
    return first;
  }

  private void freeUnused() {
    if (pins == 0 && isUnmapped()) {
      host.munmap(pages);
    }
  }

  @Override
  protected byte load8(long offset) {
    return pages.getByte(offset);
  }

  @Override
  protected short load16(long offset) {
    return pages.getShortLe(offset);
  }

  @Override
  protected int load32(long offset) {
    return pages.getIntLe(offset);
  }

  @Override
  protected long load64(long offset) {
    return pages.getLongLe(offset);
  }

  @Override
  protected void store8(long offset, byte value) {
    pages.putByte(offset, value);
  }

  @Override
  protected void store16(long offset, short value) {
    pages.putShortLe(offset, value);
  }

  @Override
  protected void store32(long offset, int value) {
    pages.putIntLe(offset, value);
  }

  @Override
  protected void store64(long offset, long value) {
    pages.putLongLe(offset, value);
  }

  @Override
  protected void copyOut(long offset, byte[] target, int start, int length) {
    pages.read(offset, target, start, length);
  }

  @Override
  protected void copyIn(long offset, byte[] source, int start, int length) {
    pages.write(offset, source, start, length);
  }

  @Override
  protected void set(long offset, long length, byte value) {
    pages.fill(offset, length, value);
  }
}
