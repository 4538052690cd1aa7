// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;

/**
 * The state of a device, to be written: all that a {@link SavingStream} of another device of the
 * same kind gave, in order. The device takes it when it leaves {@link MigrationState#RESUMING}.
 *
 * <p>Linux 5.18. Source: {@code include/uapi/linux/vfio.h}, and the driver of the device.
 */
public final class ResumingStream extends MigrationStream implements WritableByteChannel {
  ResumingStream(Kernel kernel, int fd, String name, Lifetime device) {
    super(kernel, fd, name, device);
  }

  /**
   * Writes all of {@code source}.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}: ENODEV when the device has left the state in
   *     which it is restored, {@link Reason#INVALID_ARGUMENT}: EINVAL or EFAULT when the driver
   *     does not accept the data, {@link Reason#LIMIT}: ENOMEM, some drivers for data beyond the
   *     end); the position is behind what the kernel has taken
   */
  @Override
  public int write(ByteBuffer source) {
    lifetime().enter();
    try {
      synchronized (chunk()) {
        int start = source.position();
        while (source.hasRemaining()) {
          int length = Math.min(source.remaining(), CHUNK);
          ByteBuffer bytes = chunk().asByteBuffer();
          bytes.put(0, source, source.position(), length);
          long result = kernel().write(heldFd(), chunk(), length);
          if (result < 0) {
            throw failed("write", length, result);
          }
          if (result == 0) {
            throw VfioException.failed(Reason.OTHER, "write")
                .on("of " + this)
                .fact("the driver of the device takes no more, and does not say why")
                .build();
          }
          source.position(source.position() + (int) result);
        }
        return source.position() - start;
      }
    } finally {
      lifetime().leave();
    }
  }
}
