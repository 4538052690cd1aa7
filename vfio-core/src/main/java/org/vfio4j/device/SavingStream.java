// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPrecopyInfo;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;

/**
 * The state of a device, to be read.
 *
 * <p>One stream serves from pre-copy to the end of the copy: what was read before the device
 * stopped is the first part of what the other side must get.
 *
 * <p>Linux 5.18; pre-copy 6.2. Source: {@code include/uapi/linux/vfio.h}, and the driver of the
 * device.
 */
public final class SavingStream extends MigrationStream implements ReadableByteChannel {
  SavingStream(Kernel kernel, int fd, String name, Lifetime device) {
    super(kernel, fd, name, device);
  }

  /**
   * Reads what there is, waiting for the device where it needs time.
   *
   * @return how many bytes; 0 when there is nothing at the moment (ENOMSG, in pre-copy); -1 at the
   *     end. In pre-copy a driver may say "end" where it means "at the moment": the end is final in
   *     {@link MigrationState#STOP_COPY} only
   * @throws VfioException ({@link Reason#WRONG_STATE}: ENODEV when the device has left the states
   *     in which it is saved)
   */
  @Override
  public int read(ByteBuffer target) {
    lifetime().enter();
    try {
      synchronized (chunk()) {
        int length = Math.min(target.remaining(), CHUNK);
        long result = kernel().read(heldFd(), chunk(), length);
        if (Errno.ENOMSG.is(result)) {
          return 0;
        }
        if (result < 0) {
          throw failed("read", length, result);
        }
        target.put(chunk().asByteBuffer().limit((int) result));
        return result == 0 && length > 0 ? -1 : (int) result;
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Moves what there is, to its end at this moment, in {@code target}.
   *
   * @return how many bytes
   * @throws IOException when {@code target} fails
   * @throws VfioException as {@link #read} does
   */
  public long transferTo(WritableByteChannel target) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK);
    long moved = 0;
    while (read(buffer.clear()) > 0) {
      buffer.flip();
      while (buffer.hasRemaining()) {
        moved += target.write(buffer);
      }
    }
    return moved;
  }

  /**
   * How much there is to read while the device is running. Linux 6.2.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}: EINVAL when the device is not in pre-copy,
   *     {@link Reason#NOT_SUPPORTED}: ENOTTY)
   */
  public PreCopyInfo preCopyInfo() {
    String operation = "VFIO_MIG_GET_PRECOPY_INFO";
    lifetime().enter();
    try {
      VfioPrecopyInfo info = new VfioPrecopyInfo();
      int result = kernel().ioctl(heldFd(), VfioDeviceUapi.VFIO_MIG_GET_PRECOPY_INFO, info);
      if (result < 0) {
        throw switch (Errno.ofResult(result)) {
          case EINVAL, ENODEV ->
              VfioException.failed(Reason.WRONG_STATE, operation)
                  .on("of " + this)
                  .result(result)
                  .fact("the device is not in PRE_COPY or PRE_COPY_P2P")
                  .build();
          case ENOTTY ->
              VfioException.failed(Reason.NOT_SUPPORTED, operation)
                  .on("of " + this)
                  .result(result)
                  .fact("the driver of the device has no pre-copy, or the kernel has none")
                  .hint("pre-copy needs Linux 6.2, and Migration.Flag.PRE_COPY")
                  .build();
          default -> DeviceErrors.failed(operation, "of " + this, result);
        };
      }
      return new PreCopyInfo(info.flags(), info.initialBytes(), info.dirtyBytes());
    } finally {
      lifetime().leave();
    }
  }
}
