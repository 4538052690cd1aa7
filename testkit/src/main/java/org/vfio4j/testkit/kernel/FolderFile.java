// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/** An open folder. */
final class FolderFile extends OpenFile {
  FolderFile(String path) {
    super(path);
  }

  @Override
  long read(UserPointer target, int length) {
    throw KernelError.of(Errno.EISDIR);
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    throw KernelError.of(Errno.EISDIR);
  }
}
