// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.trace;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.linux.HelperThread;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Roots;
import org.vfio4j.linux.trace.TraceFormat;
import org.vfio4j.linux.trace.TracingKernel;

/**
 * Writes down all that a program asks of a kernel and all that it is told, registers and memory
 * included, so that a {@link ReplayKernel} can tell it again.
 *
 * <p>Thread safe.
 */
public final class Recorder {
  private final List<String> lines = new ArrayList<>();
  private final Kernel kernel;

  private Recorder(Kernel recorded) {
    kernel = TracingKernel.over(recorded).in(Ioctls.format()).withMemory().writingTo(this::add);
    add("pageSize() = " + recorded.pageSize());
    Roots roots = recorded.roots();
    String paths = TraceFormat.texts(roots.sys(), roots.dev(), roots.proc());
    add(TraceFormat.line("roots()", 0, paths, roots.toString()));
  }

  /** Of the calls that are made of {@link #kernel}, which {@code recorded} serves: any kernel. */
  public static Recorder of(Kernel recorded) {
    return new Recorder(recorded);
  }

  private synchronized void add(String line) {
    boolean own = Thread.currentThread() instanceof HelperThread;
    // What threads of the library wait for is not the program's, but they may close what it opened.
    if (!own || line.startsWith("close(")) {
      lines.add(line);
    }
  }

  /** What the program is to be run on. */
  public Kernel kernel() {
    return kernel;
  }

  /** What was written down so far. */
  public synchronized List<String> lines() {
    return List.copyOf(lines);
  }

  /** Writes it to a file. */
  public void save(Path file) {
    try {
      Files.write(file, lines());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
