// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import org.vfio4j.Errno;

/**
 * One call of the port, without the values that differ between kernels.
 *
 * <p>What is behind a pointer is in the argument block too: the struct at offset 0, arrays where
 * {@link #pointer} says. Every byte of it is compared after the call.
 */
public final class Call {
  private static final int FILE = 256;

  private final String name;
  private final Operation operation;
  private final Argument fd;
  private final List<Field> fields = new ArrayList<>();
  private final List<Out> outs = new ArrayList<>(1);
  private Argument number = Argument.of(0);
  private String path = "";
  private String text = "";
  private int textAt = -1;
  private long offset;
  private int used;
  private Runnable learn = () -> {};

  /** A value in the argument block; {@code target} instead of a value for a pointer into it. */
  record Field(String name, int offset, int width, Argument value, int target) {
    boolean isPointer() {
      return target >= 0;
    }

    /** Whether its value may differ between the kernels. */
    boolean isRenamed() {
      return isPointer() || value.handle() != null;
    }
  }

  /** Where a successful call tells the value of a handle: {@code offset} -1 for its result. */
  record Out(Handle handle, int offset, int width, boolean isDescriptor) {}

  private Call(String name, Operation operation, Argument fd) {
    this.name = name;
    this.operation = operation;
    this.fd = fd;
  }

  public static Call open(String path, int flags, Handle made) {
    return open(Operation.OPEN, path, flags, made);
  }

  private static Call open(Operation operation, String path, int flags, Handle made) {
    Call call = new Call("open", operation, null);
    call.path = path;
    call.number = Argument.of(flags);
    return call.makesFd(made);
  }

  public static Call close(Argument fd) {
    Call call = new Call("close", Operation.CLOSE, fd);
    return call.learn(() -> end(fd));
  }

  private static void end(Argument fd) {
    if (fd.handle() != null) {
      fd.handle().end();
    }
  }

  public static Call dup(Argument fd, Handle made) {
    return new Call("dup", Operation.DUP, fd).makesFd(made);
  }

  public static Call eventfd(int initial, int flags, Handle made) {
    Call call = new Call("eventfd", Operation.EVENTFD, null);
    call.number = Argument.of(initial);
    call.offset = flags;
    return call.makesFd(made);
  }

  /** An ioctl with a pointer to the argument block, whose fields are to be added. */
  public static Call ioctl(String name, int request, Argument fd) {
    Call call = new Call(name, Operation.IOCTL, fd);
    call.number = Argument.of(request);
    return call;
  }

  /** An ioctl with a number, or with a pointer to nowhere. */
  public static Call ioctl(String name, int request, Argument fd, Argument argument) {
    Call call = new Call(name, Operation.IOCTL_NUMBER, fd);
    call.offset = request;
    call.number = argument;
    return call;
  }

  /** pread(2) to the argument block. */
  public static Call pread(Argument fd, int length, long offset) {
    Call call = new Call("pread", Operation.PREAD, fd);
    call.number = Argument.of(length);
    call.offset = offset;
    return call.area(0, length);
  }

  /** read(2) to the argument block. */
  public static Call read(Argument fd, int length) {
    Call call = new Call("read", Operation.READ, fd);
    call.number = Argument.of(length);
    return call.area(0, length);
  }

  /** pwrite(2) of the argument block, whose fields are to be added. */
  public static Call pwrite(Argument fd, int length, long offset) {
    Call call = new Call("pwrite", Operation.PWRITE, fd);
    call.number = Argument.of(length);
    call.offset = offset;
    return call;
  }

  /** write(2) of the argument block, whose fields are to be added. */
  public static Call write(Argument fd, int length) {
    Call call = new Call("write", Operation.WRITE, fd);
    call.number = Argument.of(length);
    return call;
  }

  /** mmap(2), shared and to be read and written. */
  public static Call mmap(Argument fd, long offset, long length, Handle made) {
    Call call = new Call("mmap", Operation.MMAP, fd);
    call.offset = offset;
    call.number = Argument.of(length);
    call.outs.add(new Out(made, -1, 0, false));
    return call;
  }

  public static Call munmap(Handle mapping) {
    Call call = new Call("munmap", Operation.MUNMAP, Argument.of(mapping));
    return call.learn(mapping::end);
  }

  /** Writes {@code text} to a file of sysfs. */
  public static Call writeFile(String path, String text) {
    return writeFile(Operation.WRITE_FILE, path, text);
  }

  /** Writes it where nothing is open; else this is a call that both kernels refuse. */
  public static Call writeFileWhenClosed(String path, String text) {
    return writeFile(Operation.WRITE_FILE_WHEN_CLOSED, path, text);
  }

  private static Call writeFile(Operation operation, String path, String text) {
    Call call = new Call("write " + last(path), operation, null);
    call.path = path;
    call.text = text;
    return call;
  }

  private static String last(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** Reads a file of sysfs, which has little in it. */
  public static Call readFile(String path) {
    Call call = new Call("read " + last(path), Operation.READ_FILE, null);
    call.path = path;
    return call.area(0, FILE);
  }

  /** Opens the node of the group that the device at {@code path} of sysfs is in. */
  public static Call openGroupOf(String path, int flags, Handle made) {
    return open(Operation.OPEN_GROUP_OF, path, flags, made);
  }

  /** Opens the node of the device at {@code path} of sysfs. */
  public static Call openNodeOf(String path, int flags, Handle made) {
    return open(Operation.OPEN_NODE_OF, path, flags, made);
  }

  public Call u8(String field, int at, int value) {
    return add(field, at, Byte.BYTES, Argument.of(value));
  }

  public Call u16(String field, int at, int value) {
    return add(field, at, Short.BYTES, Argument.of(value));
  }

  public Call u32(String field, int at, int value) {
    return add(field, at, Integer.BYTES, Argument.of(value));
  }

  public Call u32(String field, int at, Argument value) {
    return add(field, at, Integer.BYTES, value);
  }

  public Call u64(String field, int at, long value) {
    return add(field, at, Long.BYTES, Argument.of(value));
  }

  public Call u64(String field, int at, Argument value) {
    return add(field, at, Long.BYTES, value);
  }

  private Call add(String field, int at, int width, Argument value) {
    fields.add(new Field(field, at, width, value, -1));
    used = Math.max(used, at + width);
    return this;
  }

  /** A text that ends with a NUL. */
  public Call text(int at, String value) {
    text = value;
    textAt = at;
    used = Math.max(used, at + value.length() + 1);
    return this;
  }

  int textAt() {
    return textAt;
  }

  /** A pointer to {@code target} of the argument block. */
  public Call pointer(String field, int at, int target) {
    fields.add(new Field(field, at, Long.BYTES, Argument.of(0), target));
    used = Math.max(used, at + Long.BYTES);
    return this;
  }

  /** What the kernel may write to: {@code length} bytes, compared after the call. */
  public Call area(int at, int length) {
    used = Math.max(used, at + length);
    return this;
  }

  /** The result is a descriptor. */
  public Call makesFd(Handle made) {
    outs.add(new Out(made, -1, 0, true));
    return this;
  }

  /** A descriptor is told at {@code at} of the struct. */
  public Call makesFd(Handle made, int at) {
    outs.add(new Out(made, at, Integer.BYTES, true));
    return area(at, Integer.BYTES);
  }

  /** An id is told at {@code at} of the struct. */
  public Call makesId(Handle made, int at) {
    outs.add(new Out(made, at, Integer.BYTES, false));
    return area(at, Integer.BYTES);
  }

  /** A 64-bit value is told at {@code at} of the struct. */
  public Call makesValue(Handle made, int at) {
    outs.add(new Out(made, at, Long.BYTES, false));
    return area(at, Long.BYTES);
  }

  /** What the generators know once this call has succeeded on both kernels. */
  public Call learn(Runnable then) {
    Runnable before = learn;
    learn =
        () -> {
          before.run();
          then.run();
        };
    return this;
  }

  void succeeded() {
    for (Out out : outs) {
      out.handle().open();
      if (out.isDescriptor()) {
        out.handle().descriptor();
      }
    }
    learn.run();
  }

  long run(Lane lane) {
    return operation.run(lane, this);
  }

  Argument fd() {
    return fd;
  }

  /** What it would close; null for nothing that has a name. */
  Handle closes() {
    return operation == Operation.CLOSE ? fd.handle() : null;
  }

  Argument number() {
    return number;
  }

  String path() {
    return path;
  }

  String text() {
    return text;
  }

  long offset() {
    return offset;
  }

  List<Field> fields() {
    return fields;
  }

  List<Out> outs() {
    return outs;
  }

  /** How much of the argument block is the call's. */
  int used() {
    return used;
  }

  boolean makesDescriptor() {
    return !outs.isEmpty() && outs.get(0).offset() < 0 && outs.get(0).isDescriptor();
  }

  /** What it looks like in C, with names for what differs between the kernels. */
  @Override
  public String toString() {
    StringBuilder line = new StringBuilder();
    if (!outs.isEmpty()) {
      StringJoiner made = new StringJoiner(", ", "", " = ");
      outs.forEach(out -> made.add(out.handle().toString()));
      line.append(made);
    }
    return line.append(operation.text(this)).toString();
  }

  String struct() {
    if (textAt >= 0) {
      return '"' + text + '"';
    }
    StringJoiner struct = new StringJoiner(", ", "{", "}");
    for (Field field : fields) {
      String value = field.isPointer() ? "&+" + field.target() : field.value().toString();
      struct.add(field.name() + "=" + value);
    }
    return struct.toString();
  }

  String name() {
    return name;
  }

  /** A result as a person reads it. */
  static String result(long result) {
    return result < 0 ? "-1 " + Errno.ofResult(result) : Long.toString(result);
  }
}
