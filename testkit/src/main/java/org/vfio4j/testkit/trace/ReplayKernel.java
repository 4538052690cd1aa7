// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.trace;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.HelperThread;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.linux.trace.IoctlArray;
import org.vfio4j.linux.trace.TraceFormat;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * A kernel that answers from what a {@link Recorder} wrote down, and only to a program that asks
 * for the same in the same order: what happened once on a machine with the hardware happens again
 * without it.
 *
 * <p>A program that asks for something else gets an {@link AssertionError} that shows both.
 * Programs with several threads make calls in no certain order, and cannot be replayed. Threads of
 * the library itself ({@link HelperThread}) do no harm: they are woken as ever, and hear of
 * nothing.
 */
public final class ReplayKernel implements Kernel {
  private static final Pattern LINE =
      Pattern.compile(
          "(.*) = (-?\\d+|0x[0-9a-f]+)(?: E\\w+)?(?: out:([0-9a-f]*))?(?: array:([0-9a-f]*))?(?: #.*)?");

  private static final String CLOSE = "close(";
  private static final String EXPLANATION = "explanation()";
  private static final int POLL_REVENTS = 6;
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final TraceFormat format = Ioctls.format();
  private final List<Entry> entries = new ArrayList<>();
  private final int pageSize;
  private final Roots roots;

  /** Of what a thread of the library may close as well as the program: when is not certain. */
  private final Set<Entry> closes = new LinkedHashSet<>();

  /** Descriptors that the program wrote to, which is what wakes such a thread. */
  private final Set<Integer> signalled = new HashSet<>();

  private int next;

  /** A call and its answer, of a line. */
  private record Entry(int line, String call, long result, String out, String array) {
    byte[] bytes() {
      return TraceFormat.parseBytes(out);
    }
  }

  private ReplayKernel(List<String> lines) {
    int number = 0;
    for (String line : lines) {
      number++;
      Matcher parts = LINE.matcher(line);
      if (!parts.matches()) {
        throw new IllegalArgumentException("line " + number + " is no line of a trace: " + line);
      }
      String result = parts.group(2);
      long value =
          result.startsWith("0x")
              ? Long.parseUnsignedLong(result.substring(2), 16)
              : Long.parseLong(result);
      entries.add(new Entry(number, parts.group(1), value, text(parts, 3), text(parts, 4)));
    }
    this.pageSize = (int) answer("pageSize()").result();
    String[] paths = TraceFormat.parseTexts(answer("roots()").bytes());
    this.roots = new Roots(paths[0], paths[1], paths[2]);
  }

  private static String text(Matcher parts, int group) {
    return parts.group(group) == null ? "" : parts.group(group);
  }

  /** Of the lines of a recorder. */
  public static ReplayKernel of(List<String> lines) {
    return new ReplayKernel(lines);
  }

  /** Of a file that a recorder saved. */
  public static ReplayKernel of(Path file) {
    try {
      return of(Files.readAllLines(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Fails where the recording goes on. */
  public synchronized void assertFinished() {
    if (next < entries.size()) {
      Entry entry = entries.get(next);
      throw new AssertionError(
          "the recording goes on in line " + entry.line() + " with " + entry.call());
    }
  }

  private synchronized Entry answer(String call) {
    if (call.startsWith(CLOSE)) {
      return close(call);
    }
    while (next < entries.size()
        && !entries.get(next).call().equals(call)
        && entries.get(next).call().startsWith(CLOSE)) {
      closes.add(entries.get(next));
      next++;
    }
    if (next == entries.size()) {
      throw new AssertionError("the recording is at its end, and the program asks for " + call);
    }
    Entry entry = entries.get(next);
    if (!entry.call().equals(call)) {
      throw new AssertionError(
          "line "
              + entry.line()
              + " of the recording has\n  "
              + entry.call()
              + "\nand the program asks for\n  "
              + call);
    }
    next++;
    return entry;
  }

  /** The next of these, wherever it is. */
  private Entry close(String call) {
    for (Entry passed : closes) {
      if (passed.call().equals(call)) {
        closes.remove(passed);
        return passed;
      }
    }
    for (int i = next; i < entries.size(); i++) {
      if (entries.get(i).call().equals(call)) {
        return entries.remove(i);
      }
    }
    throw new AssertionError("the recording has no more " + call);
  }

  private static boolean isHelper() {
    return Thread.currentThread() instanceof HelperThread;
  }

  private synchronized void signal(int fd) {
    signalled.add(fd);
    notifyAll();
  }

  /** Of the one descriptor that such a thread waits for. */
  private synchronized int awaitSignal(NativeBlock fds, int timeoutMillis) {
    long end = System.nanoTime() + timeoutMillis * NANOS_PER_MILLI;
    boolean interrupted = false;
    while (!signalled.contains(fds.getInt(0))) {
      long left = timeoutMillis < 0 ? 0 : (end - System.nanoTime()) / NANOS_PER_MILLI;
      if (timeoutMillis >= 0 && left <= 0) {
        break;
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    boolean raised = signalled.contains(fds.getInt(0));
    fds.putShort(POLL_REVENTS, (short) (raised ? Linux.POLLIN : 0));
    return raised ? 1 : 0;
  }

  private long number(String call) {
    return answer(call).result();
  }

  private long fill(NativeBlock target, String call) {
    Entry entry = answer(call);
    target.put(0, entry.bytes());
    return entry.result();
  }

  private <T> Result<T> asked(String call, Function<byte[], T> value) {
    Entry entry = answer(call);
    return entry.result() < 0
        ? Result.failed(entry.result())
        : Result.of(value.apply(entry.bytes()));
  }

  @Override
  public Roots roots() {
    return roots;
  }

  @Override
  public int pageSize() {
    return pageSize;
  }

  @Override
  public int open(String path, int flags) {
    return (int) number(TraceFormat.open(path, flags));
  }

  @Override
  public int close(int fd) {
    return (int) number(TraceFormat.call("close", fd));
  }

  @Override
  public int dup(int fd) {
    return (int) number(TraceFormat.call("dup", fd));
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return (int) number(TraceFormat.ioctl(fd, request, argument));
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    Optional<IoctlArray> array = format.array(request, argument);
    Entry entry = answer(TraceFormat.ioctl(fd, request, argument, array));
    TraceFormat.put(argument, array, entry.bytes(), TraceFormat.parseBytes(entry.array()));
    return (int) entry.result();
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    if (isHelper()) {
      target.putLong(0, 1);
      return length;
    }
    return fill(target, TraceFormat.call("read", fd, length));
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    if (isHelper()) {
      return length;
    }
    signal(fd);
    return number(TraceFormat.sending("write", source.get(0, length), fd));
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    return fill(target, TraceFormat.call("pread", fd, length, offset));
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    return number(TraceFormat.sending("pwrite", source.get(0, length), fd, offset));
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    long address = number(TraceFormat.call("mmap", fd, offset, length, protection, flags));
    return address < 0 ? Result.failed(address) : Result.of(new ReplayedMemory(address, length));
  }

  @Override
  public int munmap(MappedMemory memory) {
    int result = (int) number(String.format("munmap(%#x, %d)", memory.address(), memory.size()));
    if (result == 0 && memory instanceof ReplayedMemory replayed) {
      replayed.unmapped();
    }
    return result;
  }

  @Override
  public int eventfd(int initial, int flags) {
    return (int) number(TraceFormat.call("eventfd", initial, flags));
  }

  @Override
  public int uevents() {
    return (int) number(TraceFormat.call("uevents"));
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    if (isHelper()) {
      return awaitSignal(fds, timeoutMillis);
    }
    byte[] asked = fds.get(0, count * Long.BYTES);
    return (int) fill(fds, TraceFormat.sending("poll", asked, count));
  }

  @Override
  public Result<byte[]> readFile(String path) {
    return asked(TraceFormat.path("readFile", path), content -> content);
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return (int) number(TraceFormat.writeFile(path, content));
  }

  @Override
  public Result<String> readLink(String path) {
    return asked(
        TraceFormat.path("readLink", path), target -> new String(target, StandardCharsets.UTF_8));
  }

  @Override
  public Result<List<String>> list(String path) {
    return asked(
        TraceFormat.path("list", path),
        names ->
            names.length == 0
                ? List.of()
                : List.of(new String(names, StandardCharsets.UTF_8).split("\n")));
  }

  /** Written down only where there is one. */
  @Override
  public synchronized Optional<Explanation> explanation() {
    int i = next;
    while (i < entries.size() && entries.get(i).call().startsWith(CLOSE)) {
      i++;
    }
    if (isHelper() || i == entries.size() || !entries.get(i).call().equals(EXPLANATION)) {
      return Optional.empty();
    }
    String[] texts = TraceFormat.parseTexts(entries.remove(i).bytes());
    return Optional.of(new Explanation(Reason.valueOf(texts[0]), texts[1], texts[2]));
  }

  /** Memory that has at each access what it had when it was recorded. */
  private final class ReplayedMemory extends MappedMemory {
    private final long address;

    ReplayedMemory(long address, long size) {
      super(size, "replayed memory");
      this.address = address;
    }

    void unmapped() {
      markUnmapped();
    }

    @Override
    public long address() {
      return address;
    }

    private long load(int width, long offset) {
      return number(TraceFormat.access("load" + Byte.SIZE * width, address, offset, ""));
    }

    private void store(int width, long offset, long value) {
      String more = ", 0x" + Long.toHexString(value);
      number(TraceFormat.access("store" + Byte.SIZE * width, address, offset, more));
    }

    @Override
    protected byte load8(long offset) {
      return (byte) load(Byte.BYTES, offset);
    }

    @Override
    protected short load16(long offset) {
      return (short) load(Short.BYTES, offset);
    }

    @Override
    protected int load32(long offset) {
      return (int) load(Integer.BYTES, offset);
    }

    @Override
    protected long load64(long offset) {
      return load(Long.BYTES, offset);
    }

    @Override
    protected void store8(long offset, byte value) {
      store(Byte.BYTES, offset, Byte.toUnsignedLong(value));
    }

    @Override
    protected void store16(long offset, short value) {
      store(Short.BYTES, offset, Short.toUnsignedLong(value));
    }

    @Override
    protected void store32(long offset, int value) {
      store(Integer.BYTES, offset, Integer.toUnsignedLong(value));
    }

    @Override
    protected void store64(long offset, long value) {
      store(Long.BYTES, offset, value);
    }

    @Override
    protected void copyOut(long offset, byte[] target, int start, int length) {
      String call = TraceFormat.access("copyOut", address, offset, ", " + length);
      System.arraycopy(answer(call).bytes(), 0, target, start, length);
    }

    @Override
    protected void copyIn(long offset, byte[] source, int start, int length) {
      byte[] copied = java.util.Arrays.copyOfRange(source, start, start + length);
      String more = ", " + TraceFormat.bytes("in", copied);
      number(TraceFormat.access("copyIn", address, offset, more));
    }

    @Override
    protected void set(long offset, long length, byte value) {
      number(TraceFormat.access("fill", address, offset, ", " + length + ", " + value));
    }
  }
}
