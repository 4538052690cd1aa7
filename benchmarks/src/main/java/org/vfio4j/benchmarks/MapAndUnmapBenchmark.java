// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * A map and an unmap of a page on the fake kernel, in every mode: what the library and the bridge
 * add, since the fake does the same work below. What a real kernel adds to that is counted in the
 * lab: {@code ./check --only bridge}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@State(Scope.Thread)
public class MapAndUnmapBenchmark {
  private static final PciAddress EDU = PciAddress.of("0000:00:05.0");
  private static final long IOVA = 0x10_0000;
  private static final long PAGE = 4096;

  /** The mode. */
  @Param public VfioMode mode;

  private AssignedDevice device;
  private MappedMemory memory;

  /** Opens the device. */
  @Setup(Level.Trial)
  public void open() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine.device(EDU.toString(), new EduModel()).inGroup(1).boundTo("vfio-pci"));
    device = AssignedDevice.open(kernel, mode, EDU);
    memory =
        kernel
            .mmap(
                -1,
                0,
                PAGE,
                Linux.PROT_READ | Linux.PROT_WRITE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
            .value();
  }

  /** Closes it. */
  @TearDown(Level.Trial)
  public void close() {
    device.close();
  }

  /** One page, there and away again. */
  @Benchmark
  public long mapAndUnmap() {
    device.dma().map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
    return device.dma().unmap(IOVA, PAGE);
  }
}
