// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.InertModel;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/** What a test pays for a kernel of its own. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TopologyBenchmark {
  private static final String ADDRESS = "0000:00:05.0";

  private static void machine(Machine machine) {
    machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci");
    machine.device("0000:00:06.0", new NvmeModel("n1", 64 << 20)).inGroup(2).boundTo("vfio-pci");
    machine.device("0000:00:08.0", new InertModel(PciFunction.of(0x1b36, 0xe).bridge())).inGroup(4);
    for (String shared : new String[] {"0000:01:01.0", "0000:01:02.0"}) {
      machine.device(shared, new EduModel()).inGroup(4).behind("0000:00:08.0").boundTo("vfio-pci");
    }
  }

  /** Five devices in three groups. */
  @Benchmark
  public FakeKernel fresh() {
    return FakeKernel.of(KernelVersion.LINUX_6_12, TopologyBenchmark::machine);
  }

  /** As the JUnit extension makes it, a device opened and closed. */
  @Benchmark
  public FakeKernel freshAndUsed() {
    FakeKernel kernel = fresh().rememberOrigins();
    AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of(ADDRESS)).close();
    return kernel;
  }
}
