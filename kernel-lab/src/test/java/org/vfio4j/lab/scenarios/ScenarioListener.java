// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.scenarios;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Writes down how each scenario ended, to the file that the system property {@code
 * vfio4j.scenarios} names; without it, nothing.
 */
public final class ScenarioListener implements TestExecutionListener {
  private static final String TARGET = System.getProperty("vfio4j.scenarios", "");
  private static final String PACKAGE = "org.vfio4j.lab.";

  /** In one JVM there may be several plans. */
  private static final Map<String, Verdict> VERDICTS = new TreeMap<>();

  private TestPlan plan;

  @Override
  public void testPlanExecutionStarted(TestPlan started) {
    plan = started;
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    add(test, "skipped");
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    // A class or a method that cannot be set up has no tests to tell of it.
    boolean passed = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
    if (test.isTest() || !passed) {
      add(test, passed ? Verdict.PASSED : result.getStatus().name().toLowerCase(Locale.ROOT));
    }
  }

  private synchronized void add(TestIdentifier test, String end) {
    if (!TARGET.isEmpty()) {
      boolean realOnly =
          test.getTags().stream().anyMatch(tag -> tag.getName().equals("real-kernel"));
      VERDICTS.put(name(test), new Verdict(name(test), end, realOnly));
    }
  }

  /** Of the class and of what is below it. */
  private String name(TestIdentifier test) {
    Optional<ClassSource> inClass = test.getSource().flatMap(ScenarioListener::classSource);
    if (inClass.isPresent()) {
      return inClass.get().getClassName().replace(PACKAGE, "");
    }
    String above = plan.getParent(test).map(this::name).orElse("");
    return above.isEmpty() ? test.getDisplayName() : above + " > " + test.getDisplayName();
  }

  private static Optional<ClassSource> classSource(Object source) {
    return source instanceof ClassSource found ? Optional.of(found) : Optional.empty();
  }

  @Override
  public void testPlanExecutionFinished(TestPlan finished) {
    if (!TARGET.isEmpty()) {
      Verdicts.write(Path.of(TARGET), VERDICTS.values());
    }
  }
}
