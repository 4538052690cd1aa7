// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.garbage;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** A kernel whose every answer is nonsense, of the kinds that a decoder may stumble over. */
final class GarbageKernel implements Kernel {
  private static final int[] SIZES = {0, 1, 4, 7, 8, 12, 16, 24, 31, 32, 40, 48, 64, 255, 4096};
  private static final List<Errno> ERRNOS = List.of(Errno.values());
  private static final int FIRST_FD = 1000;

  private final Random random;
  private int next = FIRST_FD;

  GarbageKernel(Random random) {
    this.random = random;
  }

  /** A number near those that mean something, or any. */
  int number() {
    return switch (random.nextInt(6)) {
      case 0 -> random.nextInt(8);
      case 1 -> SIZES[random.nextInt(SIZES.length)];
      case 2 -> -1 - random.nextInt(4);
      case 3 -> 1 << random.nextInt(Integer.SIZE);
      case 4 -> Integer.MAX_VALUE - random.nextInt(40);
      default -> random.nextInt();
    };
  }

  /** Overwrites the argument, all of it or here and there, and answers, mostly with success. */
  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    int size = argument.capacity();
    switch (random.nextInt(4)) {
      case 0 -> {
        for (int at = 0; at + Integer.BYTES <= size; at += Integer.BYTES) {
          argument.putInt(at, number());
        }
      }
      case 1 -> {
        for (int i = random.nextInt(4); i > 0 && size >= Integer.BYTES; i--) {
          argument.putInt(random.nextInt(size / Integer.BYTES) * Integer.BYTES, number());
        }
      }
      default -> info(argument, size);
    }
    return answer();
  }

  /** What looks like an answer with capabilities. */
  private void info(NativeBlock info, int size) {
    if (size < 24) {
      return;
    }
    int argsz = random.nextInt(4) == 0 ? number() : size + random.nextInt(3) * 32;
    info.putInt(0, argsz);
    info.putInt(4, random.nextInt(2) == 0 ? 0xff : number());
    for (int at = 8; at < 24; at += Integer.BYTES) {
      info.putInt(at, random.nextInt(3) == 0 ? number() : 16 + random.nextInt(24));
    }
    for (int at = 16 + random.nextInt(5) * 4; at + 16 <= size; at += 8 + random.nextInt(24)) {
      info.putShort(at, (short) random.nextInt(7));
      info.putShort(at + 2, (short) random.nextInt(3));
      int next =
          switch (random.nextInt(6)) {
            case 0 -> at;
            case 1 -> random.nextInt(size);
            case 2 -> number();
            case 3 -> 0;
            default -> at + 8 + random.nextInt(24);
          };
      info.putInt(at + 4, next);
      info.putInt(at + 8, number());
      info.putInt(at + 12, number());
    }
  }

  private Errno errno() {
    return ERRNOS.get(random.nextInt(ERRNOS.size()));
  }

  private int answer() {
    return switch (random.nextInt(8)) {
      case 0 -> errno().result();
      case 1 -> random.nextInt(100);
      case 2 -> -1 - random.nextInt(4095);
      default -> 0;
    };
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return answer();
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    int count = Math.min(length, target.capacity());
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    target.put(0, bytes);
    for (int i = random.nextInt(3); i > 0 && count >= Integer.BYTES; i--) {
      target.putInt(random.nextInt(count / Integer.BYTES) * Integer.BYTES, number());
    }
    return switch (random.nextInt(4)) {
      case 0 -> errno().result();
      case 1 -> 0;
      case 2 -> random.nextInt(count + 1);
      default -> count;
    };
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    return random.nextInt(4) == 0 ? answer() : length;
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    return read(fd, target, length);
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    return write(fd, source, length);
  }

  @Override
  public Roots roots() {
    return Roots.DEFAULT;
  }

  @Override
  public int pageSize() {
    return 4096;
  }

  @Override
  public int open(String path, int flags) {
    return next++;
  }

  @Override
  public int close(int fd) {
    return 0;
  }

  @Override
  public int dup(int fd) {
    return next++;
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    return Result.failed(errno());
  }

  @Override
  public int munmap(MappedMemory memory) {
    return 0;
  }

  @Override
  public int eventfd(int initial, int flags) {
    return next++;
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    return random.nextInt(2);
  }

  @Override
  public Result<byte[]> readFile(String path) {
    String[] texts = {
      "", "\n", "0", "-1", "0x", "253:7", "253", ":", "18446744073709551616", "x\0"
    };
    return random.nextInt(3) == 0
        ? Result.failed(Errno.ENOENT)
        : Result.of(texts[random.nextInt(texts.length)].getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return answer();
  }

  @Override
  public Result<String> readLink(String path) {
    String[] texts = {
      "", "/", "..", "../../x", "iommu_groups/", "iommu_groups/7", "groups/-1", "a/"
    };
    return random.nextInt(3) == 0
        ? Result.failed(Errno.ENOENT)
        : Result.of(texts[random.nextInt(texts.length)]);
  }

  @Override
  public Result<List<String>> list(String path) {
    return switch (random.nextInt(4)) {
      case 0 -> Result.failed(Errno.ENOENT);
      case 1 -> Result.of(List.of());
      default -> Result.of(List.of("", "vfio", "vfioX", "vfio-1", "0000:00:05.0", "noiommu-vfio3"));
    };
  }
}
