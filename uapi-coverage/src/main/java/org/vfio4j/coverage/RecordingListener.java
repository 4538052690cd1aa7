// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.TestTag;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Records what the tests of a run reach, and writes it down at its end: in a guest of the lab to
 * its reports, in the build to {@code target/uapi-reached} of the module.
 *
 * <p>Classes with the tag {@code random} are left out: a claim is to hold in every run.
 */
public final class RecordingListener implements TestExecutionListener {
  private static final TestTag RANDOM = TestTag.create("random");

  private final boolean recording = Recorder.start();

  /** Those whose class has the tag: dynamic tests do not have it themselves. */
  private final Set<String> random = new HashSet<>();

  @Override
  public void executionStarted(TestIdentifier test) {
    TestSource source = recording ? test.getSource().orElse(null) : null;
    if (source instanceof MethodSource method) {
      started(method.getClassName(), test);
    } else if (source instanceof ClassSource type) {
      started(type.getClassName(), test);
    }
  }

  private void started(String className, TestIdentifier test) {
    String name = simpleName(className);
    if (test.getTags().contains(RANDOM)) {
      random.add(name);
    }
    if (random.contains(name)) {
      Recorder.randomTest();
    } else {
      Recorder.test(name);
    }
  }

  @Override
  public void testPlanExecutionFinished(TestPlan plan) {
    if (recording) {
      write(false);
      write(true);
    }
  }

  private static void write(boolean real) {
    Map<String, Set<String>> seen = Recorder.seen(real);
    String guest = System.getenv("LAB_REPORTS");
    // In the build's JVMs the real kernel has no device to show anything with.
    if (guest == null ? real : !real) {
      return;
    }
    String run = System.getProperty("vfio4j.lab.kernel", "unit");
    Path file =
        guest == null
            ? Path.of(System.getProperty("basedir", ""), "target", "uapi-reached", run + ".txt")
            : Path.of(guest, "uapi-reached.txt");
    try {
      Reached.of(seen).write(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of the outermost class. */
  private static String simpleName(String className) {
    return className.replaceFirst(".*\\.", "").replaceFirst("\\$.*", "");
  }
}
