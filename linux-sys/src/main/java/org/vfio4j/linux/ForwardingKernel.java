// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.util.List;
import java.util.Objects;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * A kernel that passes every call on to another one: what stands between a program and its kernel
 * extends this, and changes what it is there to change.
 *
 * <p>As thread safe as the kernel below.
 */
public abstract class ForwardingKernel implements Kernel {
  private final Kernel below;

  protected ForwardingKernel(Kernel below) {
    this.below = Objects.requireNonNull(below);
  }

  /** Who serves the calls. */
  protected final Kernel below() {
    return below;
  }

  @Override
  public Roots roots() {
    return below.roots();
  }

  @Override
  public int pageSize() {
    return below.pageSize();
  }

  @Override
  public int open(String path, int flags) {
    return below.open(path, flags);
  }

  @Override
  public int close(int fd) {
    return below.close(fd);
  }

  @Override
  public int dup(int fd) {
    return below.dup(fd);
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return below.ioctl(fd, request, argument);
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    return below.ioctl(fd, request, argument);
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    return below.read(fd, target, length);
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    return below.write(fd, source, length);
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    return below.pread(fd, target, length, offset);
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    return below.pwrite(fd, source, length, offset);
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    return below.mmap(fd, offset, length, protection, flags);
  }

  @Override
  public int munmap(MappedMemory memory) {
    return below.munmap(memory);
  }

  @Override
  public int eventfd(int initial, int flags) {
    return below.eventfd(initial, flags);
  }

  @Override
  public int uevents() {
    return below.uevents();
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    return below.poll(fds, count, timeoutMillis);
  }

  @Override
  public Result<byte[]> readFile(String path) {
    return below.readFile(path);
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return below.writeFile(path, content);
  }

  @Override
  public Result<String> readLink(String path) {
    return below.readLink(path);
  }

  @Override
  public Result<List<String>> list(String path) {
    return below.list(path);
  }
}
