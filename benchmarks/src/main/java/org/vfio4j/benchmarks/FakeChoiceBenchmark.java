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
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/** Mapping one page on the fake kernel where the kernel chooses: behind all that is mapped. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class FakeChoiceBenchmark {
  private static final long PAGE = 4096;

  @Param({"100", "100000"})
  int live;

  private Iommufd iommufd;
  private Ioas ioas;
  private MappedMemory memory;

  @Setup(Level.Trial)
  public void setUp() {
    FakeKernel kernel = FakeKernel.of(KernelVersion.LINUX_6_12, machine -> {});
    iommufd = Iommufd.open(kernel);
    ioas = iommufd.allocateIoas();
    memory =
        kernel
            .mmap(
                -1,
                0,
                PAGE,
                Linux.PROT_READ | Linux.PROT_WRITE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
            .value();
    for (int i = 0; i < live; i++) {
      ioas.map(memory.address(), PAGE, DmaAccess.READ_WRITE);
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    ioas.close();
    iommufd.close();
  }

  @Benchmark
  public long chosen() {
    long iova = ioas.map(memory.address(), PAGE, DmaAccess.READ_WRITE);
    return ioas.unmap(iova, PAGE);
  }
}
