// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A file that is read and written at its position, or at another: then the position stays. */
abstract class PositionedFile extends OpenFile {
  private long position;

  PositionedFile(String name) {
    super(name);
  }

  @Override
  final long read(UserPointer target, int length) {
    long count = pread(target, length, position);
    position += Math.max(count, 0);
    return count;
  }

  @Override
  final long write(UserPointer source, int length) {
    long count = pwrite(source, length, position);
    position += Math.max(count, 0);
    return count;
  }
}
