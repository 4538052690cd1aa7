// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.memory.MappedMemory;

/** What a driver of VFIO does with a device that is open: {@code struct vfio_device_ops}. */
interface VfioOps {
  /** A call is about to be made. */
  default void wake() {}

  int ioctl(int request, UserPointer argument);

  /**
   * A feature that VFIO does not serve for all drivers.
   *
   * @param feature the argument of VFIO_DEVICE_FEATURE
   * @param room behind its header, in bytes
   */
  default int feature(UserPointer feature, int flags, int room) {
    throw KernelError.of(Errno.ENOTTY);
  }

  long read(UserPointer target, int length, long offset);

  long write(UserPointer source, int length, long offset);

  MappedMemory mmap(OpenFile file, long offset, long length, int protection, int flags);

  /** The host wants the device back. */
  void request();

  void close();
}
