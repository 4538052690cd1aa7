// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertRefused;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.junit.FailEveryCall;
import org.vfio4j.testkit.junit.FakeVfio;
import org.vfio4j.testkit.junit.VfioModeTest;
import org.vfio4j.testkit.machine.Machine;

/** The driver, without hardware and without privileges. */
class NvmeDiskTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:06.0");

  @RegisterExtension final FakeVfio vfio = FakeVfio.with(NvmeDiskTest::machine);

  private static void machine(Machine machine) {
    machine
        .device("0000:00:06.0", new NvmeModel("S123", 1 << 20))
        .inGroup(2)
        .boundTo("vfio-pci");
  }

  @VfioModeTest
  void readsWhatItWrote(FakeKernel kernel, VfioMode mode) {
    byte[] written = new byte[40 * 512];
    new Random(1).nextBytes(written);
    try (NvmeDisk disk = NvmeDisk.open(kernel, mode, ADDRESS)) {
      assertEquals("S123", disk.serialNumber());
      assertEquals(512, disk.blockSize());
      assertEquals(2048, disk.blocks());
      disk.write(5, written);
      byte[] read = new byte[written.length];
      disk.read(5, read);
      assertArrayEquals(written, read);
    }
    assertThat(kernel).hadNoDmaFaults();
  }

  /** More commands than the queues have entries. */
  @Test
  void queuesGoRound(Kernel kernel) {
    byte[] block = new byte[512];
    try (NvmeDisk disk = NvmeDisk.open(kernel, VfioMode.IOMMUFD, ADDRESS)) {
      for (int i = 0; i < 50; i++) {
        block[7] = (byte) i;
        disk.write(i, block);
      }
      for (int i = 0; i < 50; i++) {
        disk.read(i, block);
        assertEquals(i, block[7]);
      }
    }
  }

  @Test
  void theDiskEndsSomewhere(Kernel kernel) {
    try (NvmeDisk disk = NvmeDisk.open(kernel, VfioMode.IOMMUFD, ADDRESS)) {
      NvmeException refused =
          assertThrows(NvmeException.class, () -> disk.read(2048, new byte[512]));
      assertTrue(refused.getMessage().contains("status 0x80"), refused.getMessage());
    }
  }

  @Test
  void isAloneWithItsDevice(Kernel kernel) {
    try (NvmeDisk disk = NvmeDisk.open(kernel, VfioMode.IOMMUFD, ADDRESS)) {
      assertRefused(() -> NvmeDisk.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, ADDRESS))
          .because(Reason.IN_USE);
      assertEquals(2048, disk.blocks());
    }
  }

  /** Whatever call fails: an exception, nothing lost, nothing that hangs. */
  @VfioModeTest
  @FailEveryCall
  void survives(Kernel kernel, VfioMode mode) {
    try (NvmeDisk disk = NvmeDisk.open(kernel, mode, ADDRESS)) {
      disk.write(0, new byte[512]);
    }
  }
}
