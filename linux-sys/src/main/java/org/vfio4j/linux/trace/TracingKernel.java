// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * A kernel whose calls can be watched.
 *
 * <p>Each is an event {@code org.vfio4j.KernelCall} of Java Flight Recorder, while a recording has
 * that switched on, and a line of text ({@link TraceFormat}) where somebody takes lines. Otherwise
 * a call costs a few nanoseconds more than without.
 *
 * <p>Thread safe: lines come one at a time, in the order in which calls return.
 */
public final class TracingKernel extends ForwardingKernel {
  private final TraceFormat format;
  private final Consumer<String> lines;
  private final boolean memory;

  private TracingKernel(Kernel below, TraceFormat format, Consumer<String> lines, boolean memory) {
    super(below);
    this.format = format;
    this.lines = lines;
    this.memory = memory;
  }

  /** With events of Java Flight Recorder only. */
  public static TracingKernel over(Kernel kernel) {
    return new TracingKernel(kernel, TraceFormat.plain(), null, false);
  }

  /** With lines of text for {@code sink}, too. */
  public TracingKernel writingTo(Consumer<String> sink) {
    return new TracingKernel(below(), format, sink, memory);
  }

  /** With the names of ioctls, and the arrays that they point to, from {@code wanted}. */
  public TracingKernel in(TraceFormat wanted) {
    return new TracingKernel(below(), wanted, lines, memory);
  }

  /**
   * With accesses to memory that is mapped from here on: registers, and memory of the process. Each
   * costs microseconds then. Without this call mapped memory is as fast as ever, and not traced.
   */
  public TracingKernel withMemory() {
    return new TracingKernel(below(), format, lines, true);
  }

  private boolean isWatched(KernelCallEvent event) {
    return lines != null || event.isEnabled();
  }

  private long traced(Supplier<String> text, LongSupplier call, Supplier<String> out) {
    return traced(text, call, result -> out.get(), () -> "");
  }

  private interface Out {
    String after(long result);
  }

  private long traced(Supplier<String> text, LongSupplier call, Out out, Supplier<String> comment) {
    KernelCallEvent event = new KernelCallEvent();
    if (!isWatched(event)) {
      return call.getAsLong();
    }
    String before = text.get();
    event.begin();
    long result = call.getAsLong();
    event.end();
    commit(event, before, result, comment);
    if (lines != null) {
      write(TraceFormat.line(before, result, out.after(result), comment.get()));
    }
    return result;
  }

  private static void commit(
      KernelCallEvent event, String call, long result, Supplier<String> comment) {
    if (event.shouldCommit()) {
      event.call = call;
      event.result = result;
      event.details = comment.get();
      event.commit();
    }
  }

  private synchronized void write(String line) {
    lines.accept(line);
  }

  private <T> Result<T> asked(
      Supplier<String> text, Supplier<Result<T>> call, java.util.function.Function<T, byte[]> out) {
    KernelCallEvent event = new KernelCallEvent();
    if (!isWatched(event)) {
      return call.get();
    }
    String before = text.get();
    event.begin();
    Result<T> result = call.get();
    event.end();
    commit(event, before, result.code(), () -> "");
    if (lines != null) {
      String answer = result.isOk() ? TraceFormat.bytes("out", out.apply(result.value())) : "";
      write(TraceFormat.line(before, result.code(), answer, ""));
    }
    return result;
  }

  private static String head(NativeBlock block, long length) {
    return length <= 0 ? "" : TraceFormat.bytes("out", block.get(0, (int) length));
  }

  @Override
  public int open(String path, int flags) {
    return (int)
        traced(() -> TraceFormat.open(path, flags), () -> below().open(path, flags), () -> "");
  }

  @Override
  public int close(int fd) {
    return (int) traced(() -> TraceFormat.call("close", fd), () -> below().close(fd), () -> "");
  }

  @Override
  public int dup(int fd) {
    return (int) traced(() -> TraceFormat.call("dup", fd), () -> below().dup(fd), () -> "");
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return (int)
        traced(
            () -> TraceFormat.ioctl(fd, request, argument),
            () -> below().ioctl(fd, request, argument),
            result -> "",
            () -> format.describe(request, new NativeBlock(0)));
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    Optional<IoctlArray> array = format.array(request, argument);
    return (int)
        traced(
            () -> TraceFormat.ioctl(fd, request, argument, array),
            () -> below().ioctl(fd, request, argument),
            result -> TraceFormat.answer(argument, array),
            () -> format.describe(request, argument));
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    return traced(
        () -> TraceFormat.call("read", fd, length),
        () -> below().read(fd, target, length),
        result -> head(target, result),
        () -> "");
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    return traced(
        () -> TraceFormat.sending("write", source.get(0, length), fd),
        () -> below().write(fd, source, length),
        () -> "");
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    return traced(
        () -> TraceFormat.call("pread", fd, length, offset),
        () -> below().pread(fd, target, length, offset),
        result -> head(target, result),
        () -> "");
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    return traced(
        () -> TraceFormat.sending("pwrite", source.get(0, length), fd, offset),
        () -> below().pwrite(fd, source, length, offset),
        () -> "");
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    KernelCallEvent event = new KernelCallEvent();
    if (!isWatched(event)) {
      return below().mmap(fd, offset, length, protection, flags);
    }
    String before = TraceFormat.call("mmap", fd, offset, length, protection, flags);
    event.begin();
    Result<MappedMemory> result = below().mmap(fd, offset, length, protection, flags);
    event.end();
    long code = result.isOk() ? result.value().address() : result.code();
    commit(event, before, code, () -> "");
    if (lines == null) {
      return result;
    }
    write(TraceFormat.line(before, code, "", result.isOk() ? result.value().toString() : ""));
    return memory && result.isOk()
        ? Result.of(new TracedMemory(result.value(), this::write))
        : result;
  }

  @Override
  public int munmap(MappedMemory mapped) {
    return (int)
        traced(
            () -> String.format("munmap(%#x, %d)", mapped.address(), mapped.size()),
            () -> {
              if (mapped instanceof TracedMemory traced) {
                traced.unmapped();
                return below().munmap(traced.below());
              }
              return below().munmap(mapped);
            },
            () -> "");
  }

  @Override
  public int eventfd(int initial, int flags) {
    return (int)
        traced(
            () -> TraceFormat.call("eventfd", initial, flags),
            () -> below().eventfd(initial, flags),
            () -> "");
  }

  @Override
  public int uevents() {
    return (int) traced(() -> TraceFormat.call("uevents"), () -> below().uevents(), () -> "");
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    int length = count * Long.BYTES;
    return (int)
        traced(
            () -> TraceFormat.sending("poll", fds.get(0, length), count),
            () -> below().poll(fds, count, timeoutMillis),
            result -> head(fds, length),
            () -> timeoutMillis + " ms");
  }

  @Override
  public Result<byte[]> readFile(String path) {
    return asked(
        () -> TraceFormat.path("readFile", path), () -> below().readFile(path), content -> content);
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return (int)
        traced(
            () -> TraceFormat.writeFile(path, content),
            () -> below().writeFile(path, content),
            () -> "");
  }

  @Override
  public Result<String> readLink(String path) {
    return asked(
        () -> TraceFormat.path("readLink", path),
        () -> below().readLink(path),
        target -> target.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public Result<List<String>> list(String path) {
    return asked(
        () -> TraceFormat.path("list", path),
        () -> below().list(path),
        names -> String.join("\n", names).getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public Optional<Explanation> explanation() {
    Optional<Explanation> why = below().explanation();
    if (lines != null && why.isPresent()) {
      Explanation given = why.get();
      String out = TraceFormat.texts(given.reason().name(), given.fact(), given.hint());
      write(TraceFormat.line(TraceFormat.call("explanation"), 0, out, ""));
    }
    return why;
  }
}
