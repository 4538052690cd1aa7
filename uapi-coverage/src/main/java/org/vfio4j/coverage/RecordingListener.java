// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Records what the tests of a run reach, and writes it down at its end: in a guest of the lab to
 * its reports, in the build to {@code target/uapi-reached} of the module.
 */
public final class RecordingListener implements TestExecutionListener {
  private final boolean recording = Recorder.start();

  @Override
  public void executionStarted(TestIdentifier test) {
    TestSource source = recording ? test.getSource().orElse(null) : null;
    if (source instanceof MethodSource method) {
      Recorder.test(simpleName(method.getClassName()));
    } else if (source instanceof ClassSource type) {
      Recorder.test(simpleName(type.getClassName()));
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
