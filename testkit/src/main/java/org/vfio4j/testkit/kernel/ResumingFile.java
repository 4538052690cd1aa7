// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.testkit.device.Migratable.Receiver;

/** The state of a device, to be written: what {@link DeviceMigration} gives. */
final class ResumingFile extends OpenFile {
  private final Receiver receiver;
  private long position;
  private boolean disabled;

  ResumingFile(Receiver receiver) {
    super("anon_inode:vfio_mig");
    this.receiver = receiver;
  }

  int load() {
    return receiver.load();
  }

  void disable() {
    disabled = true;
    position = 0;
  }

  @Override
  long read(UserPointer target, int length) {
    throw KernelError.of(Errno.EBADF);
  }

  @Override
  long write(UserPointer source, int length) {
    KernelError.refuseIf(position + length > receiver.capacity(), Errno.ENOMEM);
    KernelError.refuseIf(disabled, Errno.ENODEV);
    byte[] data = source.get(0, length);
    position += length;
    int result = receiver.write(data);
    return result < 0 ? result : length;
  }
}
