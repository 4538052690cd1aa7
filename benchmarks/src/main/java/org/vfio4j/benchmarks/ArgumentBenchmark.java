// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * What this library adds to a system call: the argument of a map and an unmap, with a kernel that
 * does nothing; beside it, a system call of this machine that fails at once.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ArgumentBenchmark {
  private final Kernel host = Kernel.host();
  private final NativeBlock argument = new NativeBlock(40);
  private Iommufd iommufd;
  private Ioas ioas;

  /** Takes maps and unmaps for done. */
  private static final class NoKernel extends ForwardingKernel {
    NoKernel() {
      super(FakeKernel.of(KernelVersion.LINUX_6_12, machine -> {}));
    }

    @Override
    public int ioctl(int fd, int request, NativeBlock block) {
      return request == IommufdUapi.IOMMU_IOAS_MAP || request == IommufdUapi.IOMMU_IOAS_UNMAP
          ? 0
          : super.ioctl(fd, request, block);
    }
  }

  @Setup(Level.Trial)
  public void setUp() {
    iommufd = Iommufd.open(new NoKernel());
    ioas = iommufd.allocateIoas();
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    ioas.close();
    iommufd.close();
  }

  @Benchmark
  public long mapAndUnmap() {
    ioas.map(0x7f00_0000_0000L, 4096, 0x10_0000, DmaAccess.READ_WRITE);
    return ioas.unmap(0x10_0000, 4096);
  }

  /** Of a descriptor that is not open: the way into the kernel and back. */
  @Benchmark
  public int failingIoctl() {
    return host.ioctl(-1, IommufdUapi.IOMMU_IOAS_MAP, argument);
  }

  /** Closing a descriptor that is not open, the cheapest call of all. */
  @Benchmark
  public int failingClose() {
    return host.close(Linux.O_CLOEXEC);
  }
}
