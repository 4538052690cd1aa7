// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.vfio4j.coverage.RecordedMain;

/**
 * A class of these tests run in a JVM of its own, which may crash, or has limits and rights of its
 * own.
 *
 * @param exit the exit status: 128 and the number of the signal after a crash
 * @param output what it printed
 */
record ChildJvm(int exit, String output) {
  static ChildJvm run(List<String> jvmOptions, Class<?> main, String... arguments) {
    return run(List.of(), jvmOptions, main, arguments);
  }

  /**
   * What it printed, line by line; it must have ended well.
   *
   * @param prefix the command that takes rights or memory away: setpriv, prlimit
   */
  static List<String> limited(List<String> prefix, Class<?> main) {
    List<String> options = new ArrayList<>(List.of("-XX:TieredStopAtLevel=1"));
    // What it reaches of the user API counts as if this JVM had reached it.
    Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(path -> path.matches(".*/mockito-core-[^/]*\\.jar"))
        .forEach(path -> options.add("-javaagent:" + path));
    ChildJvm child = run(prefix, options, RecordedMain.class, main.getName());
    if (child.exit != 0) {
      throw new AssertionError(
          String.join(" ", prefix) + " " + main.getName() + " failed:\n" + child.output);
    }
    return RecordedMain.take(child.output.lines().toList());
  }

  private static ChildJvm run(
      List<String> prefix, List<String> jvmOptions, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvmOptions);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    command.addAll(Arrays.asList(arguments));
    try {
      // A file and no pipe: who reads a pipe to its end waits as long as the child does.
      Path output = Files.createTempFile("child-jvm", ".txt");
      try {
        Process process =
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
          throw new AssertionError(
              main.getName()
                  + " "
                  + jvmOptions
                  + " does not end:\n"
                  + endWithStacks(process, output));
        }
        return new ChildJvm(process.exitValue(), Files.readString(output));
      } finally {
        Files.delete(output);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** What it printed, with what its threads do. */
  private static String endWithStacks(Process process, Path output)
      throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-QUIT", Long.toString(process.pid())).start().waitFor();
    process.waitFor(5, TimeUnit.SECONDS);
    process.destroyForcibly().waitFor();
    return Files.readString(output);
  }
}
