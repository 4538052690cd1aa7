// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the C compiler makes of constant expressions over the kernel's headers. */
final class CompilerView {
  private static final List<String> HEADERS =
      List.of(
          "stddef.h",
          "stdio.h",
          "fcntl.h",
          "poll.h",
          "sys/eventfd.h",
          "sys/mman.h",
          "sys/socket.h",
          "linux/netlink.h",
          "linux/vfio.h",
          "linux/iommufd.h");

  private static final Pattern ERROR = Pattern.compile("^(\\S+?):(\\d+):(?:\\d+:)? .*error: .*$");

  /**
   * The file name that error messages give for an expression; its line is the expression's number,
   * from 1.
   */
  private static final String EXPRESSION = "expression";

  private final Map<String, Long> values;

  private CompilerView(Map<String, Long> values) {
    this.values = values;
  }

  /**
   * One program for all expressions. What does not compile, since the header has no such name, has
   * no value.
   *
   * @param headers the folder that has {@code linux/vfio.h}
   */
  static CompilerView of(Path headers, Collection<String> expressions) throws IOException {
    Path folder = Files.createTempDirectory("vfio4j-layout");
    try {
      List<String> known = new ArrayList<>(new TreeSet<>(expressions));
      known.removeAll(unknown(headers, folder, known));
      return new CompilerView(evaluate(headers, folder, known));
    } finally {
      for (String name : List.of("probe.c", "probe")) {
        Files.deleteIfExists(folder.resolve(name));
      }
      Files.delete(folder);
    }
  }

  /** Empty when the header does not have it. */
  OptionalLong value(String expression) {
    Long value = values.get(expression);
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }

  private static List<String> unknown(Path headers, Path folder, List<String> expressions)
      throws IOException {
    writeProgram(folder, expressions);
    Run gcc = gcc(headers, folder, "-fsyntax-only");
    List<String> unknown = new ArrayList<>();
    for (String line : gcc.output.lines().toList()) {
      Matcher error = ERROR.matcher(line);
      if (error.matches()) {
        if (!error.group(1).equals(EXPRESSION)) {
          throw new IOException("gcc, with the headers of " + headers + ":\n" + gcc.output);
        }
        unknown.add(expressions.get(Integer.parseInt(error.group(2)) - 1));
      } else if (line.contains("fatal error")) {
        throw new IOException("gcc, with the headers of " + headers + ":\n" + gcc.output);
      }
    }
    return unknown;
  }

  private static Map<String, Long> evaluate(Path headers, Path folder, List<String> expressions)
      throws IOException {
    writeProgram(folder, expressions);
    Run gcc = gcc(headers, folder, "-o", folder.resolve("probe").toString());
    if (gcc.status != 0) {
      throw new IOException("gcc ended with status " + gcc.status + ":\n" + gcc.output);
    }
    Run probe = run(folder.resolve("probe").toString());
    List<String> lines = probe.output.lines().toList();
    if (probe.status != 0 || lines.size() != expressions.size()) {
      throw new IOException("the program ended with status " + probe.status + ":\n" + probe.output);
    }
    Map<String, Long> values = new HashMap<>();
    for (int i = 0; i < lines.size(); i++) {
      values.put(expressions.get(i), Long.parseLong(lines.get(i)));
    }
    return values;
  }

  private static void writeProgram(Path folder, List<String> expressions) throws IOException {
    StringBuilder program = new StringBuilder("#define _GNU_SOURCE\n");
    for (String header : HEADERS) {
      program.append("#include <").append(header).append(">\n");
    }
    program.append("static const long long values[] = {\n");
    for (int i = 0; i < expressions.size(); i++) {
      program.append("#line ").append(i + 1).append(" \"").append(EXPRESSION).append("\"\n");
      program.append("(long long)(").append(expressions.get(i)).append("),\n");
    }
    program.append("};\nint main(void) {\n");
    program.append("for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)\n");
    program.append("printf(\"%lld\\n\", values[i]);\nreturn 0;\n}\n");
    Files.writeString(folder.resolve("probe.c"), program);
  }

  private static Run gcc(Path headers, Path folder, String... options) throws IOException {
    List<String> command = new ArrayList<>(List.of("gcc", "-std=gnu11", "-w", "-I" + headers));
    command.addAll(Arrays.asList(options));
    command.add(folder.resolve("probe.c").toString());
    return run(command.toArray(String[]::new));
  }

  private static Run run(String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(1, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        throw new IOException(command[0] + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    return new Run(process.exitValue(), output);
  }

  private record Run(int status, String output) {}
}
