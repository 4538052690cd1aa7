// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Which descriptors of the kernel below are files of the bridge. The number of each is that of a
 * file that is open below, so that nobody else gets it. Thread safe; looking up takes no lock.
 */
final class BridgedFiles {
  private static final int FIRST_CAPACITY = 256;

  private volatile AtomicReferenceArray<BridgedFile> files =
      new AtomicReferenceArray<>(FIRST_CAPACITY);

  /** Null where the descriptor is none of the bridge. */
  BridgedFile find(int fd) {
    AtomicReferenceArray<BridgedFile> now = files;
    return fd >= 0 && fd < now.length() ? now.get(fd) : null;
  }

  /** False when the file's last descriptor was closed by another thread. */
  synchronized boolean add(int fd, BridgedFile file) {
    if (!file.hold()) {
      return false;
    }
    if (fd >= files.length()) {
      AtomicReferenceArray<BridgedFile> larger = new AtomicReferenceArray<>(2 * fd);
      for (int i = 0; i < files.length(); i++) {
        larger.set(i, files.get(i));
      }
      files = larger;
    }
    files.set(fd, file);
    return true;
  }

  /** Null where the descriptor is none of the bridge, or another thread has removed it. */
  synchronized BridgedFile remove(int fd) {
    BridgedFile file = find(fd);
    if (file != null) {
      files.set(fd, null);
    }
    return file;
  }
}
