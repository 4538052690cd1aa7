// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.Result;

/** A device that the host removes, or unbinds, while it is in use. */
class UnplugTest {
  private static final String BUS = Lab.KERNEL.roots().sys("bus/pci");
  private static final String FOLDER = BUS + "/devices/" + Lab.EDU;

  private static final String DRIVER = BUS + "/drivers/" + PciDriver.VFIO_PCI;

  private final ExecutorService host = Executors.newCachedThreadPool();

  @AfterEach
  void end() throws InterruptedException {
    host.shutdown();
    assertThat(host.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
  }

  private static int write(String path) {
    return write(path, "1");
  }

  private static int write(String path, String text) {
    return Lab.KERNEL.writeFile(path, text.getBytes(StandardCharsets.US_ASCII));
  }

  private static int writeAddress(String file) {
    return write(DRIVER + "/" + file, Lab.EDU.toString());
  }

  /** The link of the driver goes first. */
  private static void awaitUnbinding() throws InterruptedException {
    Lab.await(() -> !Lab.KERNEL.readLink(FOLDER + "/driver").isOk());
    assertThat(Lab.KERNEL.readLink(FOLDER + "/driver").errno()).isEqualTo(Errno.ENOENT);
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

  /** Who unbinds it has it locked, and waits with it: device_lock(). */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void othersWaitForWhoUnbindsIt() throws Exception {
    int length = Lab.EDU.toString().length();
    String override = FOLDER + "/driver_override";
    Future<Integer> unbound;
    Future<Integer> again;
    Future<Integer> overridden;
    Future<Result<byte[]>> shown;
    try (AssignedDevice edu = Lab.openEdu(Lab.modes().get(0))) {
      unbound = host.submit(() -> writeAddress("unbind"));
      awaitUnbinding();
      // It is bound to its driver until that is done with it.
      again = host.submit(() -> writeAddress("unbind"));
      shown = host.submit(() -> Lab.KERNEL.readFile(override));
      overridden = host.submit(() -> write(override, "another one"));
      assertThat(writeProbe()).as("has a driver: nothing is done").isEqualTo(length);
      if (!Lab.OLD_KERNEL) {
        // They have a lock of their own in the stable releases of 6.12.
        assertThat(shown.get(20, TimeUnit.SECONDS).isOk()).isTrue();
        assertThat(overridden.get(20, TimeUnit.SECONDS)).isPositive();
      }
      Thread.sleep(100);
      assertThat(shown.isDone()).isNotEqualTo(Lab.OLD_KERNEL);
      assertThat(overridden.isDone()).isNotEqualTo(Lab.OLD_KERNEL);
      assertThat(again.isDone()).isFalse();
      assertThat(unbound.isDone()).isFalse();
      assertThat(edu.device().isClosed()).isFalse();
    }
    try {
      assertThat(unbound.get(30, TimeUnit.SECONDS)).isEqualTo(length);
      assertThat(again.get(30, TimeUnit.SECONDS)).as("done already").isEqualTo(length);
      assertThat(overridden.get(30, TimeUnit.SECONDS)).isEqualTo("another one".length());
      assertThat(shown.get(30, TimeUnit.SECONDS).isOk()).isTrue();
      assertThat(writeAddress("unbind")).isEqualTo(Errno.ENODEV.result());
      assertThat(writeAddress("bind")).as("another driver's").isEqualTo(Errno.ENODEV.result());
      assertThat(write(override, "x".repeat(4095))).isEqualTo(Errno.EINVAL.result());
      assertThat(write(override, "x".repeat(4094))).isEqualTo(4094);
    } finally {
      PciDriver.bind(Lab.KERNEL, Lab.EDU, PciDriver.VFIO_PCI);
    }
  }

  private static int writeProbe() {
    return write(BUS + "/drivers_probe", Lab.EDU.toString());
  }

  /** Who binds it meanwhile has it then. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void isBoundAgainByWhoWaited() throws Exception {
    Future<Integer> unbound;
    Future<Integer> bound;
    try (AssignedDevice edu = Lab.openEdu(Lab.modes().get(0))) {
      unbound = host.submit(() -> writeAddress("unbind"));
      awaitUnbinding();
      bound = host.submit(() -> writeAddress("bind"));
      Thread.sleep(100);
      assertThat(bound.isDone()).isFalse();
      assertThat(edu.device().isClosed()).isFalse();
    }
    assertThat(unbound.get(30, TimeUnit.SECONDS)).isPositive();
    assertThat(bound.get(30, TimeUnit.SECONDS)).isPositive();
    assertThat(writeAddress("bind")).isEqualTo(Errno.EBUSY.result());
    Lab.openEdu(Lab.modes().get(0)).close();
  }

  /** Any number but 0 removes it; bound or not, it is found again. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void numbersThatRemoveIt() {
    for (String none : new String[] {"-1", "x", " 1", "1 ", "0x", "18446744073709551616"}) {
      assertThat(write(FOLDER + "/remove", none)).as(none).isEqualTo(Errno.EINVAL.result());
    }
    assertThat(write(FOLDER + "/remove", "0x0\n")).isEqualTo(4);
    assertThat(Lab.KERNEL.list(FOLDER).isOk()).isTrue();
    try {
      assertThat(write(FOLDER + "/remove", "+0x2\n")).isEqualTo(5);
      assertThat(Lab.KERNEL.list(FOLDER).errno()).isEqualTo(Errno.ENOENT);
      assertThat(write(BUS + "/rescan", "00")).isEqualTo(2);
      assertThat(Lab.KERNEL.list(FOLDER).errno()).isEqualTo(Errno.ENOENT);
    } finally {
      assertThat(write(BUS + "/rescan", "07\n")).isEqualTo(3);
      PciDriver.bind(Lab.KERNEL, Lab.EDU, PciDriver.VFIO_PCI);
    }
  }
}
