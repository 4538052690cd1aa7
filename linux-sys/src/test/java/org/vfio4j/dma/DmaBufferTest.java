// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Leaks;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.MappedMemory;

@Timeout(60)
class DmaBufferTest {
  private static final long MIB = 1 << 20;

  private final Kernel kernel = Kernel.host();
  private final List<String> calls = Collections.synchronizedList(new ArrayList<>());

  /** Notes at each unmap whether the memory is there still. */
  private final class Space implements DmaSpace {
    private final Lifetime lifetime = new Lifetime("space", () -> calls.add("space gone"));
    private long refusal;
    private boolean mapRefused;
    private long mappedVa;
    private long next = 0x1000;

    @Override
    public Kernel kernel() {
      return kernel;
    }

    @Override
    public Lifetime lifetime() {
      return lifetime;
    }

    @Override
    public void map(long userVa, long length, long iova, DmaAccess access) {
      if (mapRefused) {
        throw VfioException.failed(Reason.OVERLAP, "map").build();
      }
      mappedVa = userVa;
      calls.add("map " + length + " at " + iova + " " + access);
    }

    @Override
    public long map(long userVa, long length, DmaAccess access) {
      long iova = next;
      map(userVa, length, iova, access);
      next += length;
      return iova;
    }

    @Override
    public long releaseMapping(long iova, long length) {
      calls.add("unmap " + length + " at " + iova + (isMapped(mappedVa) ? "" : " too late"));
      return refusal == 0 ? length : refusal;
    }

    @Override
    public int tryMap(long userVa, long length, long iova, DmaAccess access) {
      throw new AssertionError();
    }

    @Override
    public long unmap(long iova, long length) {
      throw new AssertionError();
    }

    @Override
    public long tryUnmap(long iova, long length) {
      throw new AssertionError();
    }

    @Override
    public List<IovaRange> allowedIovas() {
      return List.of(IovaRange.ALL);
    }

    @Override
    public long iovaAlignment() {
      return 4096;
    }
  }

  private final Space space = new Space();

  /** Whether anything is mapped at the address in this process. */
  private boolean isMapped(long address) {
    String maps = new String(kernel.readFile("/proc/self/maps").value(), StandardCharsets.UTF_8);
    return maps.lines()
        .map(line -> line.substring(0, line.indexOf(' ')).split("-"))
        .anyMatch(
            ends ->
                Long.compareUnsigned(address, Long.parseUnsignedLong(ends[0], 16)) >= 0
                    && Long.compareUnsigned(address, Long.parseUnsignedLong(ends[1], 16)) < 0);
  }

  private void collect() throws InterruptedException {
    for (int i = 0; i < 15; i++) {
      System.gc();
      Thread.sleep(10);
    }
  }

  @Test
  void isZeroedRoundedUpAndReleasedAfterTheUnmap() throws Exception {
    long va;
    try (DmaBuffer buffer = space.allocate(5000)) {
      assertThat(buffer.size()).isEqualTo(8192);
      assertThat(buffer.iova()).isEqualTo(0x1000);
      assertThat(buffer.memory().getLongLe(8184)).isZero();
      assertThat(buffer.memory().address() % 4096).isZero();
      assertThat(buffer).hasToString("8 KiB at IOVA 0x1000 in space");
      va = buffer.memory().address();
    }
    assertThat(calls).containsExactly("map 8192 at 4096 READ_WRITE", "unmap 8192 at 4096");
    // In a moment, when nothing can reach the memory any more.
    for (int i = 0; i < 100 && isMapped(va); i++) {
      collect();
    }
    assertThat(isMapped(va)).isFalse();
  }

  @Test
  void memoryThatTheKernelDoesNotLetGoOfStaysForEver() throws Exception {
    long va = closeRefused();
    collect();
    assertThat(isMapped(va)).isTrue();
    assertThat(calls).containsOnlyOnce("space gone");
  }

  private long closeRefused() {
    DmaBuffer buffer = space.allocate(MIB);
    long va = buffer.memory().address();
    space.refusal = Errno.EBUSY.result();
    space.lifetime().close();
    assertThatThrownBy(buffer::close)
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.errno()).contains(Errno.EBUSY))
        .hasMessageContaining("stays allocated");
    buffer.close();
    assertThat(buffer.memory().isUnmapped()).isFalse();
    return va;
  }

  @Test
  void theSpaceMayBeClosedFirst() {
    DmaBuffer buffer = space.allocate(1);
    space.lifetime().close();
    assertThat(calls).doesNotContain("space gone");
    assertThatThrownBy(() -> space.allocate(1)).isInstanceOf(VfioException.class);
    buffer.close();
    assertThat(calls)
        .containsExactly("map 4096 at 4096 READ_WRITE", "unmap 4096 at 4096", "space gone");
    assertThatThrownBy(() -> buffer.memory().getByte(0)).isInstanceOf(VfioException.class);
  }

  @Test
  void aLostBufferIsUnmappedAndReported() throws Exception {
    List<Leaks.Leak> leaks = Collections.synchronizedList(new ArrayList<>());
    try (Leaks.Registration listening = Leaks.listen(leaks::add)) {
      WeakReference<DmaBuffer> lost = new WeakReference<>(space.allocate(MIB));
      for (int i = 0; i < 100 && leaks.isEmpty(); i++) {
        collect();
      }
      assertThat(lost.get()).isNull();
    }
    assertThat(leaks)
        .extracting(Leaks.Leak::object)
        .containsExactly("1 MiB at IOVA 0x1000 in space");
    assertThat(calls).containsExactly("map 1048576 at 4096 READ_WRITE", "unmap 1048576 at 4096");
  }

  /**
   * The memory may outlive the buffer in the program's hands, and must not be reachable by then.
   */
  @Test
  void theMemoryAloneDoesNotKeepTheBuffer() throws Exception {
    List<Leaks.Leak> leaks = Collections.synchronizedList(new ArrayList<>());
    try (Leaks.Registration listening = Leaks.listen(leaks::add)) {
      MappedMemory memory = space.allocate(4096).memory();
      for (int i = 0; i < 100 && leaks.isEmpty(); i++) {
        collect();
      }
      assertThatThrownBy(() -> memory.getByte(0)).isInstanceOf(VfioException.class);
    }
  }

  @Test
  void aMapThatFailsGivesTheMemoryBack() {
    space.mapRefused = true;
    assertThatThrownBy(
            () -> DmaBuffer.allocateAt(space, 0x5000, 1, PageSize.NORMAL, DmaAccess.READ))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OVERLAP));
    assertThat(calls).isEmpty();
    space.lifetime().close();
    assertThat(calls).containsExactly("space gone");
  }

  @Test
  void memoryThatADeviceOnlyReadsIsThereBeforeItIsPinned() {
    try (DmaBuffer buffer =
        DmaBuffer.allocateAt(space, 0x5000, 64 * MIB, PageSize.NORMAL, DmaAccess.READ)) {
      assertThat(calls).containsExactly("map " + 64 * MIB + " at 20480 READ");
      assertThat(residentKibibytes(buffer.memory().address())).isEqualTo(64 * 1024);
    }
  }

  private long residentKibibytes(long address) {
    String smaps = new String(kernel.readFile("/proc/self/smaps").value(), StandardCharsets.UTF_8);
    boolean here = false;
    for (String line : smaps.split("\n")) {
      if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
        String[] ends = line.substring(0, line.indexOf(' ')).split("-");
        here =
            Long.parseUnsignedLong(ends[0], 16) <= address
                && address < Long.parseUnsignedLong(ends[1], 16);
      } else if (here && line.startsWith("Private_Dirty:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return -1;
  }

  @Test
  void sizesThatAreNoneAreRefused() {
    for (long size : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      assertThatThrownBy(() -> space.allocate(size))
          .isInstanceOfSatisfying(
              VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT));
    }
    assertThatThrownBy(() -> space.allocate(1L << 60))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.LIMIT))
        .hasMessageContaining("ENOMEM");
  }

  @Test
  void hugePagesThatNobodySetAsideAreAClearError() {
    assertThatThrownBy(() -> space.allocate(1L << 50, PageSize.HUGE_2M))
        .isInstanceOfSatisfying(
            VfioException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(Reason.LIMIT);
              assertThat(e.fact()).contains("huge pages of 2 MiB");
              assertThat(e.hint()).contains("hugepages-2048kB/nr_hugepages");
            });
  }

  @Test
  void hugePagesAreUsedWhereThereAreSome() {
    String pool = "/proc/sys/vm/nr_hugepages";
    byte[] before = kernel.readFile(pool).orElse(new byte[0]);
    kernel.writeFile(pool, "4".getBytes(StandardCharsets.US_ASCII));
    try {
      String now = new String(kernel.readFile(pool).orElse(new byte[0]), StandardCharsets.UTF_8);
      // Not root, or a container: the lab has them.
      Assumptions.assumeTrue(now.strip().equals("4"), "huge pages cannot be set aside here");
      DmaBuffer buffer = space.allocate(1, PageSize.HUGE_2M);
      assertThat(buffer.size()).isEqualTo(2 * MIB);
      assertThat(buffer.memory().address() % (2 * MIB)).isZero();
      buffer.memory().putLongLe(2 * MIB - 8, 5);
      buffer.close();
      assertThatThrownBy(() -> buffer.memory().getByte(0)).isInstanceOf(VfioException.class);
    } finally {
      kernel.writeFile(pool, before);
    }
  }
}
