// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Of a test that does not end: what all threads do, in Java and in the kernel; then it ends the
 * JVM. The system property {@code vfio4j.hang} has the seconds that a test may take, and without it
 * nothing happens. Each class is told of when it begins, so that one knows how far a guest came
 * that can tell no more. Tests run one after another.
 */
public final class HangListener implements TestExecutionListener {
  /** The exit status of the JVM then. */
  private static final int HUNG = 70;

  private static final long LIMIT = TimeUnit.SECONDS.toNanos(Integer.getInteger("vfio4j.hang", 0));
  private static final long BEGIN = System.nanoTime();

  private final PrintStream out = System.out;

  /** What began or ended last. */
  private volatile Event last;

  private record Event(TestIdentifier test, String what, Thread thread, long time) {}

  @Override
  public void testPlanExecutionStarted(TestPlan plan) {
    if (LIMIT > 0) {
      Thread watch = new Thread(this::watch, "watch for hangs");
      watch.setDaemon(true);
      watch.start();
    }
  }

  @Override
  public void executionStarted(TestIdentifier test) {
    note(test, "began");
    if (LIMIT > 0 && test.getSource().filter(ClassSource.class::isInstance).isPresent()) {
      out.printf("%5d s: %s%n", secondsSince(BEGIN), test.getLegacyReportingName());
    }
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    note(test, "ended");
  }

  private void note(TestIdentifier test, String what) {
    last = new Event(test, what, Thread.currentThread(), System.nanoTime());
  }

  private static long secondsSince(long time) {
    return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - time);
  }

  private void watch() {
    try {
      while (true) {
        TimeUnit.SECONDS.sleep(1);
        Event event = last;
        if (event != null && System.nanoTime() - event.time() > LIMIT) {
          tell(event);
          // What it holds would make every later test wait too.
          Runtime.getRuntime().halt(HUNG);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void tell(Event event) {
    out.printf(
        "HUNG: no test has begun or ended for %d s, since %s %s; the JVM ends%n",
        secondsSince(event.time()), event.test().getUniqueId(), event.what());
    // Of a JVM whose threads do not all stop there is no more than this: what each waits in (0: it
    // runs), its nanoseconds on a processor, those of waiting for one, and its turns.
    eachTask(
        task ->
            say(
                "    ",
                read(task, "comm"),
                ": ",
                read(task, "wchan"),
                ", ",
                read(task, "schedstat")));
    Map<Thread, StackTraceElement[]> threads = Thread.getAllStackTraces();
    StackTraceElement[] frames = threads.remove(event.thread());
    if (frames != null) {
      tell(event.thread(), frames);
    }
    threads.forEach(this::tell);
    eachTask(task -> say("\n", read(task, "comm"), " in the kernel:\n", read(task, "stack")));
    out.flush();
  }

  /** A thread of the JVM, as Linux sees it. */
  private void eachTask(Consumer<Path> action) {
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      tasks.forEach(action);
    } catch (IOException e) {
      out.println("no threads in /proc: " + e);
    }
  }

  /** Down to what ran the test. */
  private void tell(Thread thread, StackTraceElement... frames) {
    out.printf("%n%s, %s%n", thread, thread.getState());
    for (StackTraceElement frame : frames) {
      if (frame.getClassName().startsWith("org.junit.platform.")) {
        break;
      }
      out.println("    at " + frame);
    }
  }

  private void say(String... parts) {
    out.println(String.join("", parts));
  }

  private static String read(Path task, String name) {
    try {
      return Files.readString(task.resolve(name)).strip();
    } catch (IOException e) {
      return e.toString();
    }
  }
}
