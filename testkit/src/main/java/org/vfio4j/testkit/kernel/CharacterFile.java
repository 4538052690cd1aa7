// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/** A node of /dev that was opened by its path: it has positions, but nothing to read or write. */
abstract class CharacterFile extends OpenFile {
  CharacterFile(String path) {
    super(path);
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    throw KernelError.of(Errno.EINVAL);
  }

  @Override
  long pwrite(UserPointer source, int length, long offset) {
    throw KernelError.of(Errno.EINVAL);
  }
}
