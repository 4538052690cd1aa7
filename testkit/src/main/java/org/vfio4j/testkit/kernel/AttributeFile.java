// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.FileTree.Attribute;

/**
 * An open attribute of /sys or /proc. Source: {@code fs/kernfs/file.c} and {@code fs/seq_file.c}.
 */
final class AttributeFile extends PositionedFile {
  private final FileTree tree;
  private final Attribute attribute;
  private byte[] content = {};

  /** Behind what was read last: what is left of the content from here on is not asked for again. */
  private long next;

  AttributeFile(FileTree tree, String path, Attribute attribute) {
    super(path);
    this.tree = tree;
    this.attribute = attribute;
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    boolean goesOn = offset != 0 && offset == next;
    if (!goesOn || offset >= content.length) {
      refuseIfGone();
    }
    if (!goesOn) {
      content = attribute.show().get();
    }
    next = offset;
    if (offset >= content.length) {
      return 0;
    }
    byte[] part =
        Arrays.copyOfRange(content, (int) offset, (int) Math.min(content.length, offset + length));
    target.put(0, part);
    next = offset + part.length;
    return part.length;
  }

  /** Wherever that is: what is written is a value. */
  @Override
  long pwrite(UserPointer source, int length, long offset) {
    byte[] written = source.get(0, Math.min(length, UserMemory.PAGE));
    refuseIfGone();
    return attribute.write(written);
  }

  /** What it belonged to is gone. */
  private void refuseIfGone() {
    KernelError.refuseIf(!tree.has(name(), attribute), Errno.ENODEV);
  }
}
