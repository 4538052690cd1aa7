// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Runs a program that a test starts in a JVM of its own, and prints at its end what it reached, a
 * line for each: the test's own JVM reads that with {@link #take}.
 */
public final class RecordedMain {
  private static final String MARK = "uapi-reached ";

  private RecordedMain() {}

  /** The first argument is the name of the class, the others are its own. */
  public static void main(String[] arguments) throws ReflectiveOperationException {
    boolean recording = Recorder.start();
    Recorder.test(arguments[0]);
    Method main = Class.forName(arguments[0]).getDeclaredMethod("main", String[].class);
    main.setAccessible(true);
    try {
      main.invoke(null, (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
    } catch (InvocationTargetException e) {
      throw new AssertionError(arguments[0] + " failed", e.getCause());
    }
    if (recording) {
      Recorder.seen(true).get(arguments[0]).forEach(name -> System.out.println(MARK + name));
    }
  }

  /** What such a program has printed itself; what it reached is the running test's. */
  public static List<String> take(List<String> output) {
    Recorder.shown(
        output.stream()
            .filter(line -> line.startsWith(MARK))
            .map(line -> line.substring(MARK.length()))
            .collect(Collectors.toSet()));
    return output.stream().filter(line -> !line.startsWith(MARK)).toList();
  }
}
