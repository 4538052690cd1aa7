// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.memory.MappedMemory;

/** A file that is nothing but memory, as memfd_create() makes it: read and written at offsets. */
final class MemoryFile extends PositionedFile {
  private final MappedMemory memory;

  /** {@code memory}: collected as garbage, when neither the file nor a mapping has it. */
  MemoryFile(MappedMemory memory) {
    super("/memfd:vfio4j");
    this.memory = memory;
  }

  MappedMemory memory() {
    return memory;
  }

  private int within(int length, long offset) {
    return (int) Math.max(0, Math.min(length, memory.size() - offset));
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    byte[] bytes = new byte[within(length, offset)];
    if (bytes.length > 0) {
      memory.read(offset, bytes, 0, bytes.length);
      target.put(0, bytes);
    }
    return bytes.length;
  }

  @Override
  long pwrite(UserPointer source, int length, long offset) {
    int count = within(length, offset);
    KernelError.refuseIf(count == 0 && length > 0, Errno.EFBIG);
    memory.write(offset, source.get(0, count), 0, count);
    return count;
  }
}
