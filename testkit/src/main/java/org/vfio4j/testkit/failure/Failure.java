// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.failure;

import java.util.Optional;
import java.util.function.Predicate;
import org.vfio4j.Errno;

/**
 * Which call is to fail, and how: the n-th of those that it is about, counted from 1.
 *
 * <p>Immutable.
 */
public final class Failure {
  private final String what;
  private final Predicate<Attempt> about;
  private final int from;
  private final int to;
  private final Errno errno;

  private Failure(String what, Predicate<Attempt> about, int from, int to, Errno errno) {
    this.what = what;
    this.about = about;
    this.from = from;
    this.to = to;
    this.errno = errno;
  }

  /** The n-th call, whichever it is. */
  public static Failure ofCall(int n) {
    return nth("call", attempt -> true, n);
  }

  /** The n-th call of one kind. */
  public static Failure of(PortCall call, int n) {
    return nth(call.name(), attempt -> attempt.call() == call, n);
  }

  /** The n-th ioctl with this number: {@code IommufdUapi.IOMMU_IOAS_MAP}. */
  public static Failure ofIoctl(int request, int n) {
    return nth(Attempt.name(request), attempt -> attempt.isIoctl(request), n);
  }

  /**
   * The n-th call that makes the kernel hold something more for the process: a descriptor, a
   * mapping, an object, pinned memory.
   */
  public static Failure ofAllocation(int n) {
    return nth("allocation", Attempt::allocates, n);
  }

  /** The n-th open, reading, writing or listing of the file at this path. */
  public static Failure ofPath(String path, int n) {
    return nth(path, attempt -> attempt.path().equals(path), n);
  }

  private static Failure nth(String what, Predicate<Attempt> about, int n) {
    if (n < 1) {
      throw new IllegalArgumentException("calls are counted from 1, not from " + n);
    }
    return new Failure(what, about, n, n, null);
  }

  /** With this errno; without this call, with the one that is usual for the call. */
  public Failure with(Errno wanted) {
    return new Failure(what, about, from, to, wanted);
  }

  /** All those after it, too. */
  public Failure andAllLater() {
    return new Failure(what, about, from, Integer.MAX_VALUE, errno);
  }

  boolean isAbout(Attempt attempt) {
    return about.test(attempt);
  }

  boolean isHit(int count) {
    return count >= from && count <= to;
  }

  Errno errno(Attempt attempt) {
    return Optional.ofNullable(errno).orElse(attempt.call().usualErrno());
  }

  @Override
  public String toString() {
    return what
        + " "
        + from
        + (to == from ? "" : " and all later")
        + (errno == null ? "" : ": " + errno);
  }
}
