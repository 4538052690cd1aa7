// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.util.function.Consumer;
import org.vfio4j.linux.Kernel;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.InertModel;
import org.vfio4j.testkit.device.MbochsDriver;
import org.vfio4j.testkit.device.MdpyDriver;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.TestdevModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * The kernels that the scenarios run on: that of the guest, or fakes with the same topology.
 *
 * <p>The system property {@code vfio4j.lab.kernel} chooses: {@code host}, {@code fake}, {@code
 * fake-noiommu}, {@code fake-6.1}.
 */
public final class LabKernels {
  private static final String CHOICE = System.getProperty("vfio4j.lab.kernel", "host");

  private LabKernels() {}

  public static Kernel chosen() {
    return switch (CHOICE) {
      case "host" -> Kernel.host();
      case "fake" -> FakeKernel.of(KernelVersion.LINUX_6_12, LabKernels::standard);
      case "fake-noiommu" -> FakeKernel.of(KernelVersion.LINUX_6_12, LabKernels::noIommu);
      case "fake-6.1" -> old(LabKernels::standard);
      default -> throw new IllegalArgumentException("vfio4j.lab.kernel=" + CHOICE);
    };
  }

  /** As the guest's: of its release, built as it is. */
  public static FakeKernel likeTheGuests(Consumer<Machine> topology) {
    return isOld() ? old(topology) : FakeKernel.of(KernelVersion.LINUX_6_12, topology);
  }

  /** Debian's. */
  private static FakeKernel old(Consumer<Machine> topology) {
    return FakeKernel.of(
        KernelVersion.LINUX_6_1,
        machine -> topology.andThen(Machine::withoutIommufd).accept(machine));
  }

  /** Whether it is Debian's Linux 6.1, or a fake of it. */
  public static boolean isOld() {
    return CHOICE.equals("host")
        ? System.getProperty("os.version").startsWith("6.1.")
        : CHOICE.equals("fake-6.1");
  }

  /** {@code topologies/standard.topology}, as far as the scenarios on the fake use it. */
  public static void standard(Machine machine) {
    machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci");
    machine.device("0000:00:06.0", new NvmeModel("lab1", 64 << 20)).inGroup(2).boundTo("vfio-pci");
    machine.device("0000:00:07.0", new TestdevModel()).inGroup(3);
    machine.device("0000:00:08.0", new InertModel(PciFunction.of(0x1b36, 0xe).bridge())).inGroup(4);
    for (String shared : new String[] {"0000:01:01.0", "0000:01:02.0"}) {
      machine.device(shared, new EduModel()).inGroup(4).behind("0000:00:08.0").boundTo("vfio-pci");
    }
    machine
        .device("0000:00:09.0", new InertModel(PciFunction.of(0x1b36, 0xc).bridge()))
        .inGroup(5)
        .boundTo("pcieport");
    machine
        .device("0000:02:00.0", new NvmeModel("lab2", 64 << 20).withVirtualFunctions(2))
        .inGroup(6)
        .behind("0000:00:09.0")
        .boundTo("nvme");
    machine.mediated(MttyDriver.PARENT, new MttyDriver());
    machine.mediated(MdpyDriver.PARENT, new MdpyDriver());
    machine.mediated(MbochsDriver.PARENT, new MbochsDriver());
    machine.device("0000:00:1f.0", chipset(0x2918, 0x060100)).inGroup(8).boundTo("lpc_ich");
    machine.device("0000:00:1f.2", chipset(0x2922, 0x010601)).inGroup(8).boundTo("ahci");
    machine.device("0000:00:1f.3", chipset(0x2930, 0x0c0500)).inGroup(8).boundTo("i801_smbus");
  }

  /** {@code topologies/noiommu.topology}, with the self-test of iommufd. */
  public static void noIommu(Machine machine) {
    machine.iommufdTest().noIommuMode().device("0000:00:05.0", new EduModel()).boundTo("vfio-pci");
    machine.device("0000:00:08.0", new InertModel(PciFunction.of(0x1b36, 0xe).bridge()));
    machine.device("0000:01:01.0", new EduModel()).behind("0000:00:08.0").boundTo("vfio-pci");
    machine.device("0000:01:02.0", new EduModel()).behind("0000:00:08.0");
  }

  private static InertModel chipset(int device, int classCode) {
    return new InertModel(PciFunction.of(0x8086, device).classCode(classCode));
  }
}
