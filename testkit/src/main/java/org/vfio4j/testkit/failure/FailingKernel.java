// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.failure;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.HelperThread;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * A kernel of which chosen calls fail.
 *
 * <pre>{@code
 * Kernel kernel = FailingKernel.over(fake, Failure.ofIoctl(IommufdUapi.IOMMU_IOAS_MAP, 2).with(Errno.ENOSPC));
 * }</pre>
 *
 * <p>A call that fails does nothing, but for close: as in Linux, the descriptor is gone when an
 * error is reported. Accesses to mapped memory are no calls, and those of the library's own
 * {@linkplain HelperThread helpers} neither count nor fail.
 *
 * <p>Thread safe.
 */
public final class FailingKernel extends ForwardingKernel {
  private final List<Failure> failures;
  private final int[] counts;
  private final List<Attempt> attempts = new ArrayList<>();
  private final List<Attempt> failed = new ArrayList<>();
  private final Stranded stranded = new Stranded();

  private FailingKernel(Kernel below, List<Failure> failures) {
    super(below);
    this.failures = failures;
    this.counts = new int[failures.size()];
  }

  /** With these failures; without any, it only counts. */
  public static FailingKernel over(Kernel kernel, Failure... failures) {
    return new FailingKernel(kernel, List.of(failures));
  }

  /** The calls so far, in order. */
  public synchronized List<Attempt> attempts() {
    return List.copyOf(attempts);
  }

  /** Those of them that were made to fail. */
  public synchronized List<Attempt> failed() {
    return List.copyOf(failed);
  }

  /**
   * Gives back what the program could not give back because a call was made to fail, and with it
   * what only that kept alive.
   */
  void giveBackStranded() {
    stranded.memories().forEach(below()::munmap);
  }

  /** 0, or the negative errno that the call is to fail with. */
  private synchronized int refuse(Attempt attempt) {
    if (Thread.currentThread() instanceof HelperThread) {
      // When it makes its calls is not the program's doing.
      return 0;
    }
    attempts.add(attempt);
    Errno errno = null;
    for (int i = 0; i < counts.length; i++) {
      Failure failure = failures.get(i);
      if (failure.isAbout(attempt) && failure.isHit(++counts[i])) {
        errno = failure.errno(attempt);
      }
    }
    if (errno == null) {
      return 0;
    }
    failed.add(attempt);
    return errno.result();
  }

  private <T> Result<T> result(int refused, java.util.function.Supplier<Result<T>> call) {
    return refused < 0 ? Result.failed(refused) : call.get();
  }

  @Override
  public int open(String path, int flags) {
    int refused = refuse(Attempt.of(PortCall.OPEN, path));
    return refused < 0 ? refused : below().open(path, flags);
  }

  @Override
  public int close(int fd) {
    int refused = refuse(Attempt.of(PortCall.CLOSE));
    int result = below().close(fd);
    stranded.closed(fd);
    return refused < 0 ? refused : result;
  }

  @Override
  public int dup(int fd) {
    int refused = refuse(Attempt.of(PortCall.DUP));
    return refused < 0 ? refused : below().dup(fd);
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    int refused = refuse(Attempt.ioctl(request));
    return refused < 0 ? refused : below().ioctl(fd, request, argument);
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    int refused = refuse(Attempt.ioctl(request));
    List<Stranded.Range> unmaps = stranded.toUnmap(fd, request, argument);
    if (refused < 0) {
      stranded.unmapFailed(unmaps);
      return refused;
    }
    int result = below().ioctl(fd, request, argument);
    if (result >= 0) {
      stranded.mapped(fd, request, argument);
      stranded.unmapped(unmaps);
    }
    return result;
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    int refused = refuse(Attempt.of(PortCall.READ));
    return refused < 0 ? refused : below().read(fd, target, length);
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    int refused = refuse(Attempt.of(PortCall.WRITE));
    return refused < 0 ? refused : below().write(fd, source, length);
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    int refused = refuse(Attempt.of(PortCall.PREAD));
    return refused < 0 ? refused : below().pread(fd, target, length, offset);
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    int refused = refuse(Attempt.of(PortCall.PWRITE));
    return refused < 0 ? refused : below().pwrite(fd, source, length, offset);
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    int refused = refuse(Attempt.of(PortCall.MMAP));
    if (refused < 0) {
      return Result.failed(refused);
    }
    Result<MappedMemory> memory = below().mmap(fd, offset, length, protection, flags);
    if (memory.isOk()) {
      stranded.mapped(memory.value());
    }
    return memory;
  }

  @Override
  public int munmap(MappedMemory memory) {
    int refused = refuse(Attempt.of(PortCall.MUNMAP));
    if (refused < 0) {
      stranded.munmapFailed(memory);
      return refused;
    }
    stranded.unmapped(memory);
    return below().munmap(memory);
  }

  @Override
  public int eventfd(int initial, int flags) {
    int refused = refuse(Attempt.of(PortCall.EVENTFD));
    return refused < 0 ? refused : below().eventfd(initial, flags);
  }

  @Override
  public int uevents() {
    int refused = refuse(Attempt.of(PortCall.UEVENTS));
    return refused < 0 ? refused : below().uevents();
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    int refused = refuse(Attempt.of(PortCall.POLL));
    return refused < 0 ? refused : below().poll(fds, count, timeoutMillis);
  }

  @Override
  public Result<byte[]> readFile(String path) {
    int refused = refuse(Attempt.of(PortCall.READ_FILE, path));
    return result(refused, () -> below().readFile(path));
  }

  @Override
  public int writeFile(String path, byte[] content) {
    int refused = refuse(Attempt.of(PortCall.WRITE_FILE, path));
    return refused < 0 ? refused : below().writeFile(path, content);
  }

  @Override
  public Result<String> readLink(String path) {
    int refused = refuse(Attempt.of(PortCall.READ_LINK, path));
    return result(refused, () -> below().readLink(path));
  }

  @Override
  public Result<List<String>> list(String path) {
    int refused = refuse(Attempt.of(PortCall.LIST, path));
    return result(refused, () -> below().list(path));
  }
}
