// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * A kernel object that is an open file: its file descriptor is closed once, and never too early.
 */
public abstract class FileObject extends KernelObject {
  private final Kernel kernel;
  private final int fd;

  /** Owns {@code fd} from here on, whatever else fails. */
  protected FileObject(Kernel kernel, int fd, String name, Lifetime... parents) {
    this(kernel, fd, name, () -> {}, parents);
  }

  /**
   * Owns {@code fd} from here on, whatever else fails.
   *
   * @param afterClose what else is to be given back when the file has been closed; must not refer
   *     to this object
   */
  protected FileObject(
      Kernel kernel, int fd, String name, Runnable afterClose, Lifetime... parents) {
    super(owner(kernel, fd, name, afterClose, parents));
    this.kernel = kernel;
    this.fd = fd;
  }

  public final Kernel kernel() {
    return kernel;
  }

  /**
   * The file descriptor, for calls that this project does not make. It is this object's still: do
   * not close it, and keep this object open while it is used.
   *
   * @throws VfioException ({@link Reason#CLOSED}) when the object is closed
   */
  public final int fd() {
    lifetime().enter();
    try {
      return fd;
    } finally {
      lifetime().leave();
    }
  }

  /**
   * A second descriptor of the same open file, which is the caller's to close.
   *
   * @throws VfioException when it is closed, or the process has no descriptor left (EMFILE)
   */
  public final int duplicateFd() {
    lifetime().enter();
    try {
      int copy = kernel.dup(fd);
      if (copy < 0) {
        throw VfioException.failed(Reason.LIMIT, "dup")
            .on("of " + this)
            .result(copy)
            .fact("the process has no file descriptor left")
            .hint("see ulimit -n, and close what is no longer used")
            .build();
      }
      return copy;
    } finally {
      lifetime().leave();
    }
  }

  /** The descriptor for a call inside {@code lifetime().enter()} and {@code leave()}. */
  protected final int heldFd() {
    return fd;
  }

  private static Lifetime owner(
      Kernel kernel, int fd, String name, Runnable afterClose, Lifetime... parents) {
    try {
      return new Lifetime(name, () -> close(kernel, fd, name, afterClose), parents);
    } catch (RuntimeException e) {
      kernel.close(fd);
      afterClose.run();
      throw e;
    }
  }

  private static void close(Kernel kernel, int fd, String name, Runnable afterClose) {
    int result = kernel.close(fd);
    // The descriptor is gone even where the kernel reports an error.
    afterClose.run();
    if (result < 0) {
      throw VfioException.failed(Reason.OTHER, "close").on("of " + name).result(result).build();
    }
  }
}
