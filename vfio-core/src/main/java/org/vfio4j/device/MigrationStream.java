// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.nio.channels.Channel;
import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.NativeBlock;

/**
 * The state of a device, on its way: a file that the kernel gives when a device enters a state in
 * which it can be saved or restored.
 *
 * <p>It works until the device leaves these states; afterwards it fails with {@link
 * Reason#WRONG_STATE}. It keeps the device's file open until it is closed.
 *
 * <p>Thread safe; transfers of two threads are made one after the other.
 */
public abstract sealed class MigrationStream extends FileObject implements Channel
    permits SavingStream, ResumingStream {
  /** What is moved in one call, in bytes. */
  static final int CHUNK = 64 * 1024;

  private final NativeBlock chunk = new NativeBlock(CHUNK);

  MigrationStream(Kernel kernel, int fd, String name, Lifetime device) {
    super(kernel, fd, name, device);
  }

  @Override
  public final boolean isOpen() {
    return !isClosed();
  }

  /** Guarded by itself. */
  final NativeBlock chunk() {
    return chunk;
  }

  final VfioException failed(String operation, long length, long result) {
    String object = "of " + Units.bytes(length) + " of " + this;
    VfioException.Builder failure = DeviceErrors.call(operation, object, result);
    return switch (Errno.ofResult(result)) {
      case ENODEV ->
          VfioException.failed(Reason.WRONG_STATE, operation)
              .on(object)
              .result(result)
              .fact("the device has left the state in which this stream was given")
              .hint("the next stream comes with the next Migration.setState")
              .build();
      case EFAULT, EINVAL ->
          failure
              .fact("the driver of the device does not accept the data")
              .hint(
                  "is it the whole stream of a device of the same kind, in order, and as the same"
                      + " version of the driver wrote it?")
              .build();
      case ENOMEM -> failure.fact("the driver expects less data, or is out of memory").build();
      default -> failure.build();
    };
  }
}
