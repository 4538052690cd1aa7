// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** /dev/null, which is where the first three descriptors of the process lead. */
final class NullFile extends OpenFile {
  NullFile() {
    super("/dev/null");
  }

  @Override
  long read(UserPointer target, int length) {
    return 0;
  }

  @Override
  long write(UserPointer source, int length) {
    return length;
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    return 0;
  }

  @Override
  long pwrite(UserPointer source, int length, long offset) {
    return length;
  }
}
