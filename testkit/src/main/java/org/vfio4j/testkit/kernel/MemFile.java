// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.function.Supplier;
import org.vfio4j.Errno;
import org.vfio4j.memory.NativeBlock;

/**
 * /proc/self/mem: the memory of the process by its addresses.
 *
 * <p>Where Linux would write to memory that is mapped read-only, since a debugger may, this one
 * does not.
 */
final class MemFile extends PositionedFile {
  private final UserMemory memory;

  MemFile(UserMemory memory) {
    super("/proc/" + ProcessHandle.current().pid() + "/mem");
    this.memory = memory;
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    target.put(0, there(() -> memory.read(offset, length)).get(0, length));
    return length;
  }

  @Override
  long pwrite(UserPointer source, int length, long offset) {
    NativeBlock bytes = new NativeBlock(length);
    bytes.put(0, source.get(0, length));
    there(
        () -> {
          memory.write(offset, bytes);
          return bytes;
        });
    return length;
  }

  /** What is EFAULT of a system call is EIO of this file. */
  private static NativeBlock there(Supplier<NativeBlock> access) {
    try {
      return access.get();
    } catch (KernelError e) {
      throw e.errno() == Errno.EFAULT ? KernelError.of(Errno.EIO) : e;
    }
  }
}
