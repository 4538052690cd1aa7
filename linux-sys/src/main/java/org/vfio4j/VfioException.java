// SPDX-License-Identifier: Apache-2.0
package org.vfio4j;

import java.util.Optional;

/**
 * The one exception of this project: what was tried, on what, what the kernel answered, the fact
 * behind it, and, apart from that, what a person can do about it.
 *
 * <pre>
 * IOMMU_IOAS_MAP of 64 MiB at IOVA 0x100000000 in IOAS 2 failed: ENOMEM (Cannot allocate memory)
 *   fact: RLIMIT_MEMLOCK is 8 MiB and this needs 64 MiB
 *   hint: raise the limit (shell: ulimit -l), or give the process CAP_IPC_LOCK
 * </pre>
 *
 * <p>A program that wants to tell cases apart asks for {@link #reason()}, and for {@link #errno()}
 * where the kernel's own answer matters.
 */
public final class VfioException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What kind of failure it was: what a caller may want to tell apart. */
  public enum Reason {
    /** The kernel does not have this call, node, flag or feature. */
    NOT_IN_KERNEL,
    /** The kernel knows the call, but this device, driver or IOMMU does not support it. */
    NOT_SUPPORTED,
    /** There is no such device, or no such object any more. */
    NO_SUCH_DEVICE,
    /** The device is bound to no driver, or to one that VFIO cannot use. */
    WRONG_DRIVER,
    /** The process may not do this. */
    NO_PERMISSION,
    /** The device is not behind an IOMMU, or the IOMMU is switched off. */
    NO_IOMMU,
    /** Other devices that cannot be isolated from this one are in other hands. */
    NOT_VIABLE,
    /** Somebody, maybe this process, uses it already. */
    IN_USE,
    /** There is one of this name already. */
    ALREADY_EXISTS,
    /** The driver of the device will not, for a reason of its own. */
    REFUSED,
    /** The caller's argument is wrong. */
    INVALID_ARGUMENT,
    /** The IOVA range, or part of it, is mapped or reserved already. */
    OVERLAP,
    /** A limit is reached: locked memory, mappings, file descriptors, address space. */
    LIMIT,
    /** The object was closed before. */
    CLOSED,
    /** The object is in a state in which this cannot be done. */
    WRONG_STATE,
    /** The device did not answer: memory decoding off, in reset, or gone. */
    DEVICE_FAULT,
    /** None of these. */
    OTHER
  }

  private final Reason reason;
  private final Errno errno;
  private final String operation;
  private final String object;
  private final String fact;
  private final String hint;

  private VfioException(Builder builder) {
    super(message(builder), builder.cause);
    reason = builder.reason;
    errno = builder.errno;
    operation = builder.operation;
    object = builder.object;
    fact = builder.fact;
    hint = builder.hint;
  }

  /**
   * Starts to describe a failure.
   *
   * @param operation the call that failed, by its kernel name where it has one: {@code
   *     IOMMU_IOAS_MAP}
   */
  public static Builder failed(Reason reason, String operation) {
    return new Builder(reason, operation);
  }

  public Reason reason() {
    return reason;
  }

  /** What the kernel answered; empty when the call never reached it. */
  public Optional<Errno> errno() {
    return Optional.ofNullable(errno);
  }

  /** The call that failed, by its kernel name where it has one. */
  public String operation() {
    return operation;
  }

  /** What it was done to: a path, a device address, an IOVA range. Empty when there is nothing. */
  public String object() {
    return object;
  }

  /** The evidence; empty when there is none beyond the errno. */
  public String fact() {
    return fact;
  }

  /** What a person can do; empty when nothing better than the fact is known. */
  public String hint() {
    return hint;
  }

  private static String message(Builder builder) {
    StringBuilder text = new StringBuilder(builder.operation);
    if (!builder.object.isEmpty()) {
      text.append(' ').append(builder.object);
    }
    text.append(" failed");
    if (builder.errno != null) {
      text.append(": ").append(builder.errno.name());
      text.append(" (").append(builder.errno.text()).append(')');
    }
    if (!builder.fact.isEmpty()) {
      text.append("\n  fact: ").append(builder.fact);
    }
    if (!builder.hint.isEmpty()) {
      text.append("\n  hint: ").append(builder.hint);
    }
    return text.toString();
  }

  /** Collects what is known of a failure. Not thread safe. */
  public static final class Builder {
    private final Reason reason;
    private final String operation;
    private String object = "";
    private String fact = "";
    private String hint = "";
    private Errno errno;
    private Throwable cause;

    private Builder(Reason reason, String operation) {
      this.reason = reason;
      this.operation = operation;
    }

    /** What it was done to, to be read after the operation: {@code of /dev/vfio/5}. */
    public Builder on(String value) {
      object = value;
      return this;
    }

    public Builder errno(Errno value) {
      errno = value;
      return this;
    }

    /** The errno in a negative result of the port. */
    public Builder result(long value) {
      return errno(Errno.ofResult(value));
    }

    public Builder fact(String value) {
      fact = value;
      return this;
    }

    public Builder hint(String value) {
      hint = value;
      return this;
    }

    public Builder cause(Throwable value) {
      cause = value;
      return this;
    }

    /** Where the kernel lacks the call, and no hint says more, the hint is what the call needs. */
    public VfioException build() {
      if (reason == Reason.NOT_IN_KERNEL && hint.isEmpty()) {
        KernelNeeds.of(operation).ifPresent(needs -> hint = "it needs " + needs);
      }
      return new VfioException(this);
    }
  }
}
