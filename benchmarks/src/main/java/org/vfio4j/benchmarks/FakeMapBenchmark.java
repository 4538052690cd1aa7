// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Mapping and unmapping one page on the fake kernel, a device attached, with much or little mapped.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class FakeMapBenchmark {
  private static final long FIRST = 0x1_0000_0000L;
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");

  @Param({"100", "100000"})
  int live;

  @Param({"IOMMUFD", "VFIO_TYPE1V2_IOMMU"})
  VfioMode mode;

  @Param({"LIBRARY", "CALLS"})
  FakeMapper.Way way;

  private FakeMapper mapper;
  private MappedMemory memory;
  private int next;
  private int random = 1;

  @Setup(Level.Trial)
  public void setUp() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine
                    .dmaEntryLimit(2 * live)
                    .device(ADDRESS.toString(), new EduModel())
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    memory =
        kernel
            .mmap(
                -1,
                0,
                FakeMapper.PAGE,
                Linux.PROT_READ | Linux.PROT_WRITE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
            .value();
    mapper = FakeMapper.of(way, kernel, mode, ADDRESS, memory.address());
    // Every other page, so that there is a place beside each.
    for (int i = 0; i < live; i++) {
      mapper.map(FIRST + 2L * i * FakeMapper.PAGE);
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    mapper.close();
  }

  /** At one place after the other, as rings and pools go. */
  @Benchmark
  public long inOrder() {
    next = (next + 1) % live;
    return at(next);
  }

  /**
   * At random places, whatever is mapped: what the processor cannot learn with much mapped, such as
   * a period, it must not learn with little either.
   */
  @Benchmark
  public long atRandom() {
    // Marsaglia's xorshift.
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return at((int) ((Integer.toUnsignedLong(random) * live) >>> Integer.SIZE));
  }

  private long at(int place) {
    long iova = FIRST + (2L * place + 1) * FakeMapper.PAGE;
    mapper.map(iova);
    return mapper.unmap(iova);
  }
}
