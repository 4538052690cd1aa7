// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.failure;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.linux.Kernel;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.Held;

/**
 * Runs a program once to count its calls, and then once for each of them, that call failing.
 *
 * <p>Each time the program must end in time, with a {@link VfioException} or well (some failures
 * can be lived with), and must have given back everything: no descriptor, mapping, pinned memory or
 * object may be left. What cannot be given back may stay: memory whose unmap for the device was
 * made to fail, since the device might still reach it, and a mapping whose munmap was made to fail,
 * with what it keeps alive: the file of a device, and what that holds in turn.
 *
 * <pre>{@code
 * FailureSweep.of(MyDriverTest::kernel, kernel -> new MyDriver(kernel).run()).calls();
 * }</pre>
 *
 * <p>Every run has a kernel of its own and a thread of its own.
 */
public final class FailureSweep {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Supplier<FakeKernel> kernels;
  private final Program program;
  private final Errno errno;
  private final Duration patience;

  /** What is to survive. */
  @FunctionalInterface
  public interface Program {
    /** Runs from the first open to the last close. */
    void run(Kernel kernel) throws Throwable;
  }

  /**
   * What came of a sweep.
   *
   * @param runs how often the program ran with a failure
   * @param refused how often it ended with a {@link VfioException}
   * @param tolerated how often it went well all the same
   */
  public record Outcome(int runs, int refused, int tolerated) {}

  private FailureSweep(
      Supplier<FakeKernel> kernels, Program program, Errno errno, Duration patience) {
    this.kernels = kernels;
    this.program = program;
    this.errno = errno;
    this.patience = patience;
  }

  /**
   * Of a program that must do well without failures.
   *
   * @param kernels a new kernel each time
   */
  public static FailureSweep of(Supplier<FakeKernel> kernels, Program program) {
    return new FailureSweep(kernels, program, null, PATIENCE);
  }

  /** With this errno; without this call, with the one that is usual for each call. */
  public FailureSweep with(Errno wanted) {
    return new FailureSweep(kernels, program, wanted, patience);
  }

  /** How long a run may take before it counts as hanging; 20 s without this call. */
  public FailureSweep within(Duration time) {
    return new FailureSweep(kernels, program, errno, time);
  }

  /** Lets every call fail, one after another. */
  public Outcome calls() {
    return sweep(attempt -> true, Failure::ofCall);
  }

  /** Lets every call fail that makes the kernel hold something more for the program. */
  public Outcome allocations() {
    return sweep(Attempt::allocates, Failure::ofAllocation);
  }

  /** Lets every ioctl with this number fail. */
  public Outcome ioctls(int request) {
    return sweep(attempt -> attempt.isIoctl(request), n -> Failure.ofIoctl(request, n));
  }

  private Outcome sweep(Predicate<Attempt> counted, IntFunction<Failure> failures) {
    Run plain = run();
    if (plain.thrown != null) {
      throw new AssertionError("the program does not even do well without a failure", plain.thrown);
    }
    if (!plain.problems.isEmpty()) {
      throw plain.failed("without any failure: ");
    }
    int count = (int) plain.kernel.attempts().stream().filter(counted).count();
    int refused = 0;
    List<AssertionError> problems = new ArrayList<>();
    for (int n = 1; n <= count; n++) {
      Failure failure = errno == null ? failures.apply(n) : failures.apply(n).with(errno);
      Run run = run(failure);
      if (!run.problems.isEmpty()) {
        problems.add(run.failed("with " + run.kernel.failed() + " failing (" + failure + "): "));
      }
      if (run.hangs) {
        break;
      }
      refused += run.thrown == null ? 0 : 1;
    }
    if (!problems.isEmpty()) {
      throw all(problems, count);
    }
    return new Outcome(count, refused, count - refused);
  }

  private static AssertionError all(List<AssertionError> problems, int runs) {
    StringBuilder text = new StringBuilder();
    text.append(problems.size()).append(" of ").append(runs).append(" runs went wrong");
    problems.forEach(problem -> text.append("\n\n").append(problem.getMessage()));
    AssertionError all = new AssertionError(text.toString());
    problems.forEach(all::addSuppressed);
    return all;
  }

  private Run run(Failure... failures) {
    FakeKernel fake = kernels.get().rememberOrigins();
    Run run = new Run(fake, FailingKernel.over(fake, failures));
    Thread thread = new Thread(() -> run.start(program), "failure-sweep");
    thread.setDaemon(true);
    thread.start();
    try {
      thread.join(patience.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in a sweep", e);
    }
    if (thread.isAlive()) {
      run.hangs(thread);
    } else {
      run.check();
    }
    return run;
  }

  /** The program, once. */
  private static final class Run {
    private final FakeKernel fake;
    private final FailingKernel kernel;
    private final List<String> problems = new ArrayList<>();
    private final List<Throwable> evidence = new ArrayList<>();
    private boolean hangs;
    private volatile Throwable thrown;

    Run(FakeKernel fake, FailingKernel kernel) {
      this.fake = fake;
      this.kernel = kernel;
    }

    void start(Program program) {
      try {
        program.run(kernel);
      } catch (Throwable e) {
        thrown = e;
      }
    }

    void hangs(Thread thread) {
      Throwable where = new Throwable("hangs here");
      where.setStackTrace(thread.getStackTrace());
      evidence.add(where);
      problems.add("it hangs");
      hangs = true;
    }

    void check() {
      if (thrown != null && !(thrown instanceof VfioException)) {
        problems.add("it threw " + thrown);
        evidence.add(thrown);
      }
      kernel.giveBackStranded();
      for (Held held : fake.held()) {
        problems.add("it left " + held);
        held.takenAt().ifPresent(evidence::add);
      }
    }

    AssertionError failed(String when) {
      AssertionError error = new AssertionError(when + String.join("; ", problems));
      evidence.forEach(error::addSuppressed);
      return error;
    }
  }
}
