// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.FileTree.Attribute;

/** An open attribute of /sys or /proc. */
final class AttributeFile extends OpenFile {
  private final Attribute attribute;
  private byte[] content;
  private int position;

  AttributeFile(String path, Attribute attribute) {
    super(path);
    this.attribute = attribute;
  }

  @Override
  long read(UserPointer target, int length) {
    long count = pread(target, length, position);
    position += (int) count;
    return count;
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    KernelError.refuseIf(attribute.show() == null, Errno.EBADF);
    if (content == null || offset == 0) {
      content = attribute.show().get();
    }
    if (offset < 0 || offset >= content.length) {
      return 0;
    }
    byte[] part =
        Arrays.copyOfRange(content, (int) offset, (int) Math.min(content.length, offset + length));
    target.put(0, part);
    return part.length;
  }

  @Override
  long write(UserPointer source, int length) {
    KernelError.refuseIf(attribute.store() == null, Errno.EBADF);
    return attribute.store().applyAsInt(source.get(0, length));
  }
}
