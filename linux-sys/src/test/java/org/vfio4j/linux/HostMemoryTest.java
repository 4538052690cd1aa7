// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.memory.MappedMemory;

@Timeout(120)
class HostMemoryTest {
  private static final int RW = Linux.PROT_READ | Linux.PROT_WRITE;
  private static final long GIB = 1L << 30;

  private final Kernel kernel = Kernel.host();
  @TempDir private Path folder;

  private MappedMemory anonymous(long size) {
    int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_NORESERVE;
    return kernel.mmap(-1, 0, size, RW, flags).value();
  }

  private MappedMemory file(long size, int protection) throws Exception {
    Path path = folder.resolve("mapped");
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(size);
    }
    boolean writes = (protection & Linux.PROT_WRITE) != 0;
    int fd = kernel.open(path.toString(), writes ? Linux.O_RDWR : Linux.O_RDONLY);
    MappedMemory memory = kernel.mmap(fd, 0, size, protection, Linux.MAP_SHARED).value();
    kernel.close(fd);
    return memory;
  }

  @Test
  void everyWidthIsLittleEndianAndOfItsWidth() {
    MappedMemory memory = anonymous(4096);
    byte[] bytes = new byte[16];
    memory.fill(0, 4096, (byte) 0x55);
    memory.putLongLe(8, 0x1122334455667788L);
    memory.putIntLe(4, 0xa1b2c3d4);
    memory.putShortLe(2, (short) 0xe5f6);
    memory.putByte(1, (byte) 0x99);
    memory.read(0, bytes, 0, 16);
    assertThat(bytes)
        .containsExactly(
            0x55, 0x99, 0xf6, 0xe5, 0xd4, 0xc3, 0xb2, 0xa1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
            0x22, 0x11);
    assertThat(memory.getLongLe(8)).isEqualTo(0x1122334455667788L);
    assertThat(memory.getIntLe(4)).isEqualTo(0xa1b2c3d4);
    assertThat(memory.getShortLe(2)).isEqualTo((short) 0xe5f6);
    assertThat(memory.getByte(1)).isEqualTo((byte) 0x99);
    assertThat(memory.getLongLe(16)).as("what lies behind").isEqualTo(0x5555555555555555L);
    memory.write(17, new byte[] {0, 1, 2, 3}, 1, 2);
    assertThat(memory.getIntLe(16)).isEqualTo(0x55020155);
  }

  @Test
  void nothingOutOfRangeOrUnalignedIsTouched() {
    long size = 8192;
    MappedMemory memory = anonymous(size);
    for (int width : new int[] {1, 2, 4, 8}) {
      for (long offset = -17; offset < size + 17; offset++) {
        if (offset == 17) {
          offset = size - 17;
        }
        checkAccess(
            memory, offset, width, offset >= 0 && offset + width <= size && offset % width == 0);
      }
      for (long far :
          new long[] {
            Long.MIN_VALUE, Long.MAX_VALUE - 7, Long.MAX_VALUE, 1L << 32, GIB, -8, -4096
          }) {
        checkAccess(memory, far, width, false);
      }
    }
    byte[] bytes = new byte[16];
    memory.read(size, bytes, 0, 0);
    memory.read(size - 16, bytes, 0, 16);
    for (long offset : new long[] {size - 15, -1, Long.MAX_VALUE, Long.MIN_VALUE, size + 1}) {
      refused(() -> memory.read(offset, bytes, 0, 16), Reason.INVALID_ARGUMENT);
      refused(() -> memory.write(offset, bytes, 0, 16), Reason.INVALID_ARGUMENT);
      refused(() -> memory.fill(offset, 16, (byte) 1), Reason.INVALID_ARGUMENT);
    }
    refused(() -> memory.fill(1, Long.MAX_VALUE, (byte) 1), Reason.INVALID_ARGUMENT);
    refused(() -> memory.fill(0, -1, (byte) 1), Reason.INVALID_ARGUMENT);
    assertThatThrownBy(() -> memory.read(0, bytes, 1, 16))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> memory.getIntLe(8190))
        .hasMessageContaining("4 bytes at offset 0x1ffe")
        .hasMessageContaining("the memory has 8 KiB");
    assertThatThrownBy(() -> memory.getIntLe(2)).hasMessageContaining("multiple");
  }

  private static void checkAccess(MappedMemory memory, long offset, int width, boolean good) {
    Runnable read =
        switch (width) {
          case 1 -> () -> memory.getByte(offset);
          case 2 -> () -> memory.getShortLe(offset);
          case 4 -> () -> memory.getIntLe(offset);
          default -> () -> memory.getLongLe(offset);
        };
    Runnable write =
        switch (width) {
          case 1 -> () -> memory.putByte(offset, (byte) 1);
          case 2 -> () -> memory.putShortLe(offset, (short) 1);
          case 4 -> () -> memory.putIntLe(offset, 1);
          default -> () -> memory.putLongLe(offset, 1);
        };
    if (good) {
      read.run();
      write.run();
    } else {
      refused(read, Reason.INVALID_ARGUMENT);
      refused(write, Reason.INVALID_ARGUMENT);
    }
  }

  private static void refused(Runnable use, Reason reason) {
    assertThatThrownBy(use::run)
        .isInstanceOfSatisfying(VfioException.class, e -> assertThat(e.reason()).isEqualTo(reason));
  }

  @Test
  void memoryLargerThanTwoGibibytesIsReachedEverywhere() {
    long size = 5 * GIB + 4096;
    MappedMemory memory = anonymous(size);
    long[] offsets = {
      0, GIB - 8, GIB, 2 * GIB - 8, 2 * GIB, 3 * GIB + 8, 4 * GIB - 8, 4 * GIB, 5 * GIB, size - 8
    };
    for (long offset : offsets) {
      memory.putLongLe(offset, ~offset);
    }
    for (long offset : offsets) {
      assertThat(memory.getLongLe(offset)).isEqualTo(~offset);
    }
    refused(() -> memory.getByte(size), Reason.INVALID_ARGUMENT);
    byte[] pattern = new byte[9000];
    for (int i = 0; i < pattern.length; i++) {
      pattern[i] = (byte) (i % 251);
    }
    for (long border : new long[] {GIB, 2 * GIB, 4 * GIB, 5 * GIB}) {
      long start = border - 4500;
      memory.write(start, pattern, 0, 8000);
      byte[] back = new byte[8001];
      memory.read(start, back, 1, 8000);
      assertThat(Arrays.copyOfRange(back, 1, 8001)).isEqualTo(Arrays.copyOf(pattern, 8000));
      memory.fill(border - 3, 6, (byte) 77);
      assertThat(memory.getByte(border - 3)).isEqualTo((byte) 77);
      assertThat(memory.getByte(border + 2)).isEqualTo((byte) 77);
      assertThat(memory.getByte(border - 4)).isEqualTo(pattern[4496]);
      assertThat(memory.getByte(border + 3)).isEqualTo(pattern[4503]);
    }
    kernel.munmap(memory);
    refused(() -> memory.getLongLe(4 * GIB), Reason.CLOSED);
  }

  @Test
  void afterTheUnmapEverythingIsRefusedAndTheFileLetGo() throws Exception {
    MappedMemory memory = file(4096, RW);
    String name = folder.resolve("mapped").toString();
    assertThat(maps()).contains(name);
    kernel.munmap(memory);
    assertThat(maps()).doesNotContain(name);
    assertThat(memory.isUnmapped()).isTrue();
    byte[] bytes = new byte[4];
    refused(() -> memory.getByte(0), Reason.CLOSED);
    refused(() -> memory.getShortLe(0), Reason.CLOSED);
    refused(() -> memory.getIntLe(0), Reason.CLOSED);
    refused(() -> memory.getLongLe(0), Reason.CLOSED);
    refused(() -> memory.putByte(0, (byte) 0), Reason.CLOSED);
    refused(() -> memory.putShortLe(0, (short) 0), Reason.CLOSED);
    refused(() -> memory.putIntLe(0, 0), Reason.CLOSED);
    refused(() -> memory.putLongLe(0, 0), Reason.CLOSED);
    refused(() -> memory.read(0, bytes, 0, 4), Reason.CLOSED);
    refused(() -> memory.write(0, bytes, 0, 4), Reason.CLOSED);
    refused(() -> memory.fill(0, 4, (byte) 0), Reason.CLOSED);
    refused(() -> memory.getIntLe(-4), Reason.CLOSED);
  }

  @Test
  void aReadOnlyMappingRefusesWritesInsteadOfEndingTheJvm() throws Exception {
    MappedMemory memory = file(4096, Linux.PROT_READ);
    assertThat(memory.getLongLe(8)).isZero();
    for (int i = 0; i < 3; i++) {
      refused(() -> memory.putByte(0, (byte) 1), Reason.INVALID_ARGUMENT);
      refused(() -> memory.putShortLe(0, (short) 1), Reason.INVALID_ARGUMENT);
      refused(() -> memory.putIntLe(0, 1), Reason.INVALID_ARGUMENT);
      refused(() -> memory.putLongLe(0, 1), Reason.INVALID_ARGUMENT);
      refused(() -> memory.write(0, new byte[4], 0, 4), Reason.INVALID_ARGUMENT);
      refused(() -> memory.fill(0, 4, (byte) 0), Reason.INVALID_ARGUMENT);
    }
  }

  /** What takes the place of the mapping is full of zeros; none of them may get out. */
  @Test
  void aReadThatRacesWithTheUnmapGivesWhatWasThereOrThrows() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(2);
    int rounds = 1000;
    int[] caught = new int[1];
    for (int round = 0; round < rounds; round++) {
      MappedMemory memory = anonymous(4096);
      memory.fill(0, 4096, (byte) -1);
      CyclicBarrier start = new CyclicBarrier(3);
      Future<Integer> single = pool.submit(() -> readUntilUnmapped(memory, start, false));
      Future<Integer> bulk = pool.submit(() -> readUntilUnmapped(memory, start, true));
      start.await();
      for (int spin = 0; spin < round % 64; spin++) {
        Thread.onSpinWait();
      }
      kernel.munmap(memory);
      caught[0] += Math.min(1, single.get(20, TimeUnit.SECONDS));
      bulk.get(20, TimeUnit.SECONDS);
    }
    pool.shutdown();
    assertThat(caught[0]).as("rounds in which reading had begun").isPositive();
  }

  private static int readUntilUnmapped(MappedMemory memory, CyclicBarrier start, boolean bulk)
      throws Exception {
    byte[] bytes = new byte[512];
    int reads = 0;
    start.await();
    while (true) {
      try {
        if (bulk) {
          memory.read(64, bytes, 0, 512);
          for (byte each : bytes) {
            assertThat(each == -1).isTrue();
          }
          memory.write(64, bytes, 0, 512);
        } else {
          long value = memory.getLongLe(8) & memory.getIntLe(16) & memory.getShortLe(2);
          assertThat((value & memory.getByte(1)) == -1).isTrue();
          memory.putIntLe(8, -1);
        }
        reads++;
      } catch (VfioException e) {
        assertThat(e.reason()).isEqualTo(Reason.CLOSED);
        return reads;
      }
    }
  }

  @Test
  void theAddressesAreGivenBackWhenNothingCanReachThemAnyMore() throws Exception {
    long before = addressSpace();
    loseMappings(false);
    loseMappings(true);
    for (int i = 0; i < 200 && addressSpace() > before + 8 * GIB; i++) {
      System.gc();
      Thread.sleep(20);
    }
    assertThat(addressSpace()).isLessThan(before + 8 * GIB);
  }

  private void loseMappings(boolean unmapFirst) throws Exception {
    long before = addressSpace();
    for (int i = 0; i < 8; i++) {
      MappedMemory memory = anonymous(4 * GIB);
      if (unmapFirst) {
        kernel.munmap(memory);
      }
    }
    // Or the test that follows shows nothing.
    assertThat(addressSpace()).isGreaterThan(before + 4 * GIB);
  }

  /** A read is made even where nobody looks at its value: it may clear a register. */
  @Test
  void noReadIsLeftOut() throws Exception {
    int size = 64 << 20;
    for (int width : new int[] {1, 2, 4, 8}) {
      for (int round = 0; round < 2; round++) {
        MappedMemory memory =
            kernel.mmap(-1, 0, size, RW, Linux.MAP_SHARED | Linux.MAP_ANONYMOUS).value();
        long before = sharedKibibytes();
        for (int again = 0; again < 10; again++) {
          touch(memory, width);
        }
        // Only a page that is touched is there.
        assertThat(sharedKibibytes() - before)
            .as("width %d", width)
            .isGreaterThanOrEqualTo(size / 1024);
        kernel.munmap(memory);
      }
    }
  }

  private static void touch(MappedMemory memory, int width) {
    switch (width) {
      case 1 -> touch8(memory);
      case 2 -> touch16(memory);
      case 4 -> touch32(memory);
      default -> touch64(memory);
    }
  }

  private static void touch8(MappedMemory memory) {
    for (long at = 0; at < memory.size(); at += 4096) {
      memory.getByte(at);
    }
  }

  private static void touch16(MappedMemory memory) {
    for (long at = 0; at < memory.size(); at += 4096) {
      memory.getShortLe(at);
    }
  }

  private static void touch32(MappedMemory memory) {
    for (long at = 0; at < memory.size(); at += 4096) {
      memory.getIntLe(at);
    }
  }

  private static void touch64(MappedMemory memory) {
    for (long at = 0; at < memory.size(); at += 4096) {
      memory.getLongLe(at);
    }
  }

  @Test
  void accessAllocatesNothing() {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    MappedMemory memory = anonymous(4096);
    byte[] bytes = new byte[64];
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 60 && least != 0; round++) {
      long before = threads.getThreadAllocatedBytes(self);
      for (int i = 0; i < 5000; i++) {
        memory.putByte(1, memory.getByte(9));
        memory.putShortLe(2, memory.getShortLe(10));
        memory.putIntLe(4, memory.getIntLe(12));
        memory.putLongLe(8, memory.getLongLe(16));
        memory.read(0, bytes, 0, 64);
        memory.write(64, bytes, 0, 64);
      }
      least = Math.min(least, threads.getThreadAllocatedBytes(self) - before);
    }
    assertThat(least).isZero();
  }

  private String maps() {
    return new String(kernel.readFile("/proc/self/maps").value(), StandardCharsets.UTF_8);
  }

  private long addressSpace() {
    return status("VmSize:");
  }

  private long sharedKibibytes() {
    return status("RssShmem:") / 1024;
  }

  /** In bytes. */
  private long status(String key) {
    String status =
        new String(kernel.readFile("/proc/self/status").value(), StandardCharsets.UTF_8);
    String line = status.lines().filter(each -> each.startsWith(key)).findFirst().orElseThrow();
    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
  }
}
