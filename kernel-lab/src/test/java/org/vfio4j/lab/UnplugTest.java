// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.vfio4j.Errno;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.linux.PciDriver;

/** A device that the host removes while it is in use. */
class UnplugTest {
  private static final String BUS = Lab.KERNEL.roots().sys("bus/pci");
  private static final String FOLDER = BUS + "/devices/" + Lab.EDU;

  private static int write(String path) {
    return Lab.KERNEL.writeFile(path, "1".getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * The host waits for who has it open, who is asked to close it and goes on using it meanwhile.
   */
  @EveryGroupMode
  void removalWaitsForItsUser(VfioMode mode) throws Exception {
    CompletableFuture<Integer> removal = null;
    try {
      try (AssignedDevice edu = Lab.openEdu(mode);
          MappedRegion registers = edu.device().region(VfioPci.BAR0).map();
          Interrupts request = edu.device().interrupts(VfioPci.REQ).enable(1);
          DmaBuffer buffer = edu.dma().allocate(4096)) {
        removal = CompletableFuture.supplyAsync(() -> write(FOLDER + "/remove"));
        assertThat(request.await(0, Duration.ofSeconds(20))).isPositive();
        assertThat(registers.getIntLe(Edu.IDENTIFICATION)).isEqualTo(Edu.IDENTITY);
        assertThat(buffer.iova()).isNotZero();
        assertThat(removal.isDone()).isFalse();
        // The link of the driver goes before the kernel begins to wait, and so does the node's
        // folder since Linux 6.6.
        assertThat(Lab.KERNEL.readLink(FOLDER + "/driver").errno()).isEqualTo(Errno.ENOENT);
        assertThat(Lab.KERNEL.list(FOLDER + "/vfio-dev").isOk()).isEqualTo(Lab.OLD_KERNEL);
      }
      assertThat(removal.get(60, TimeUnit.SECONDS)).isEqualTo(1);
      assertThat(Lab.KERNEL.list(FOLDER).errno()).isEqualTo(Errno.ENOENT);
    } finally {
      if (removal != null) {
        removal.get(60, TimeUnit.SECONDS);
      }
      write(BUS + "/rescan");
      PciDriver.bind(Lab.KERNEL, Lab.EDU, PciDriver.VFIO_PCI);
    }
    Lab.openEdu(mode).close();
  }
}
