// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.io.IOException;
import java.util.UUID;

/**
 * Writes a file whole, whatever happens meanwhile.
 *
 * <p>The content goes to a file of another name, onto the disk, and is then moved over the old file
 * in one step. The other file is in the configuration folder itself, where mdevctl does not look: a
 * file of a strange name beside the definitions it would complain about.
 */
final class AtomicWrite {
  private final ConfigFiles files;

  AtomicWrite(ConfigFiles files) {
    this.files = files;
  }

  void write(String folder, String file, byte[] content) throws IOException {
    if (files.make(folder)) {
      // Else what is written below could be on the disk, and nothing that leads to it.
      files.forceFolders();
    }
    String temporary = ".vfio4j-" + UUID.randomUUID() + ".tmp";
    boolean moved = false;
    try {
      try (ConfigFiles.Temporary written = files.create(temporary)) {
        written.write(content);
        written.force();
      }
      files.move(temporary, folder, file);
      moved = true;
      files.force(folder);
    } finally {
      if (!moved) {
        discard(temporary);
      }
    }
  }

  private void discard(String temporary) {
    try {
      files.discard(temporary);
    } catch (IOException ignored) {
      // Nobody reads it, and why the write failed matters more.
    }
  }
}
