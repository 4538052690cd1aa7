// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.DeviceRequests;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.linux.PciDriver;

/** A driver is unbound under a device that is open: the program hears of it, and answers. */
class RequestTest {
  private final ExecutorService host = Executors.newSingleThreadExecutor();

  @AfterEach
  void bindAgain() throws InterruptedException {
    host.shutdown();
    assertThat(host.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    PciDriver.bind(Lab.KERNEL, Lab.EDU, PciDriver.VFIO_PCI);
  }

  private Future<?> unbind() {
    return host.submit(() -> PciDriver.unbind(Lab.KERNEL, Lab.EDU));
  }

  @EveryGroupMode
  void isHeardWithoutAWord(VfioMode mode) throws Exception {
    ProcessState before = ProcessState.now();
    Future<?> unbound;
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      DeviceRequests requests = edu.device().requests();
      assertThat(requests.isRequested()).isFalse();
      assertThat(requests.listen()).as("it does").isTrue();
      unbound = unbind();
      Lab.await(requests::isRequested);
      assertThat(requests.isRequested()).isTrue();
      // It was told, and no more: the device is the program's still.
      assertThat(edu.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(Edu.IDENTITY);
      assertThat(unbound.isDone()).isFalse();
    }
    unbound.get(30, TimeUnit.SECONDS);
    // The warning is written by a thread of its own, which may still have a file of the JVM open.
    Lab.await(() -> ProcessState.countFds() == before.fds().size());
    assertThat(ProcessState.countFds()).isEqualTo(before.fds().size());
  }

  @EveryMode
  void isAnswered(VfioMode mode) throws Exception {
    try (AssignedDevice edu = Lab.openEdu(mode);
        MappedRegion mapped = edu.device().region(VfioPci.BAR0).map()) {
      CompletableFuture<VfioDevice> asked = new CompletableFuture<>();
      edu.device()
          .requests()
          .onRequest(
              device -> {
                device.close();
                asked.complete(device);
              });
      Future<?> unbound = unbind();
      assertThat(asked.get(20, TimeUnit.SECONDS)).isSameAs(edu.device());
      assertThat(edu.device().isClosed()).isTrue();
      // What was made from it keeps it until it is closed, too.
      assertThat(mapped.getIntLe(0)).isEqualTo(Edu.IDENTITY);
      assertThat(unbound.isDone()).isFalse();
      mapped.close();
      unbound.get(30, TimeUnit.SECONDS);
    }
  }

  /** The host holds the device while it waits, and a reset would have to wait for the host. */
  @EveryMode
  void aReset(VfioMode mode) throws Exception {
    Future<?> unbound;
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      nvme.device().reset();
      unbound = host.submit(() -> PciDriver.unbind(Lab.KERNEL, Lab.NVME));
      Lab.await(nvme.device().requests()::isRequested);
      Refusal.of(Reason.IN_USE, Errno.EAGAIN, nvme.device()::reset);
    } finally {
      host.submit(() -> PciDriver.bind(Lab.KERNEL, Lab.NVME, PciDriver.VFIO_PCI)).get();
    }
    unbound.get(30, TimeUnit.SECONDS);
  }

  @Test
  @Tag("lab")
  void whoEnablesTheInterruptHearsItself() throws Exception {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD)) {
      DeviceRequests requests = edu.device().requests();
      try (Interrupts own = edu.device().interrupts(VfioPci.REQ).enable(1)) {
        own.trigger(0);
        assertThat(own.take(0)).isEqualTo(1);
        assertThat(requests.isRequested()).isFalse();
      }
      // And can give it back.
      assertThat(requests.listen()).isTrue();
      requests.ignore();
      requests.ignore();
      assertThat(requests.listen()).isTrue();
    }
    try (Mtty mtty = new Mtty(1)) {
      assertThat(mtty.device().requests().listen()).as("it has none").isFalse();
    }
    host.submit(() -> {}).get();
  }
}
