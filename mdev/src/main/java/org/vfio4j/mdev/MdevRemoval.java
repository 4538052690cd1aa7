// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.FileHolders.Holder;
import org.vfio4j.linux.Kernel;

/** Removes devices, which may take as long as their users like. */
final class MdevRemoval {
  private static final byte[] YES = "1".getBytes(StandardCharsets.US_ASCII);

  private MdevRemoval() {}

  static void refuseOpen(Mdev mdev) {
    List<Holder> holders = MdevHolders.of(mdev);
    if (holders.isEmpty()) {
      return;
    }
    long self = ProcessHandle.current().pid();
    boolean own = holders.stream().anyMatch(holder -> holder.pid() == self);
    throw VfioException.failed(Reason.IN_USE, "remove")
        .on("of " + mdev)
        .fact(
            "it is held by "
                + holders.stream().map(Holder::toString).collect(Collectors.joining(", ")))
        .hint(
            own
                ? "close the device first: this process would wait for itself"
                : "end that process, or have it close the device, and try again")
        .build();
  }

  /** On a thread of its own: the kernel waits for the users of the device. */
  static void remove(Mdev mdev, Duration timeout) {
    Kernel kernel = mdev.bus().kernel();
    String file = mdev.path() + "/remove";
    FutureTask<Integer> write = new FutureTask<>(() -> kernel.writeFile(file, YES));
    Thread thread = new Thread(write, "remove " + mdev);
    // One that is never closed must not keep the JVM from ending.
    thread.setDaemon(true);
    thread.start();
    int result;
    try {
      // For the thread and not for what it does, so that nothing is left of it when this returns.
      TimeUnit.NANOSECONDS.timedJoin(thread, timeout.toNanos());
      if (!write.isDone()) {
        throw stillOpen(mdev, timeout);
      }
      result = write.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw VfioException.failed(Reason.IN_USE, "remove")
          .on("of " + mdev)
          .fact("this thread was interrupted while the kernel waits for the device's user")
          .cause(e)
          .build();
    } catch (ExecutionException e) {
      // The port throws nothing for what a kernel refuses.
      throw new IllegalStateException("writing to " + file, e.getCause());
    }
    if (result < 0) {
      throw MdevErrors.remove(mdev, Errno.ofResult(result));
    }
  }

  private static VfioException stillOpen(Mdev mdev, Duration timeout) {
    return VfioException.failed(Reason.IN_USE, "remove")
        .on("of " + mdev)
        .fact(
            "it is open somewhere: the kernel has waited "
                + timeout.toMillis()
                + " ms for its user, and goes on; it is out of sysfs already, and goes when it is"
                + " closed")
        .hint("look for the user as root, in all containers: ls -l /proc/*/fd | grep vfio")
        .build();
  }
}
