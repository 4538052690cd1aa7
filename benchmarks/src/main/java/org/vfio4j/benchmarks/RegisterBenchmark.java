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
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.RamModel;
import org.vfio4j.testkit.machine.KernelVersion;

/** A register of 32 bits: mapped memory of this machine, and a device model behind the fake. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RegisterBenchmark {
  private static final String ADDRESS = "0000:00:05.0";

  private final Kernel host = Kernel.host();
  private MappedMemory memory;
  private AssignedDevice device;
  private MappedRegion registers;

  @Setup(Level.Trial)
  public void setUp() {
    memory =
        host.mmap(
                -1,
                0,
                4096,
                Linux.PROT_READ | Linux.PROT_WRITE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
            .value();
    FakeKernel fake =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> machine.device(ADDRESS, new RamModel(4096)).inGroup(1).boundTo("vfio-pci"));
    device = AssignedDevice.open(fake, VfioMode.IOMMUFD, PciAddress.of(ADDRESS));
    registers = device.device().region(VfioPci.BAR0).map();
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    registers.close();
    device.close();
    host.munmap(memory);
  }

  @Benchmark
  public int hostRead() {
    return memory.getIntLe(64);
  }

  @Benchmark
  public void hostWrite() {
    memory.putIntLe(64, 1);
  }

  @Benchmark
  public int fakeRead() {
    return registers.getIntLe(64);
  }

  @Benchmark
  public void fakeWrite() {
    registers.putIntLe(64, 1);
  }
}
