// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.vfio4j.device.VfioDeviceTest.refused;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.linux.EventFd;

@Timeout(30)
class InterruptsTest {
  private final StubDevice stub = new StubDevice();
  private final VfioDevice device = stub.open();

  @AfterEach
  void close() {
    device.close();
  }

  @Test
  void enablesAndDisables() {
    Interrupts msi = device.interrupts(VfioPci.MSI).enable(2);

    assertThat(stub.irqSets)
        .containsExactly(
            // argsz, DATA_EVENTFD | ACTION_TRIGGER, index, start, count, fds
            StubDevice.words(
                28, 0x24, VfioPci.MSI, 0, 2, msi.eventFd(0).fd(), msi.eventFd(1).fd()));
    stub.irqSets.clear();
    stub.calls.clear();

    device.close();
    assertThat(stub.calls).isEmpty();
    msi.close();
    msi.close();
    assertThat(stub.irqSets)
        .containsExactly(StubDevice.words(20, 0x21, VfioPci.MSI, 0, 0)); // DATA_NONE
    assertThat(stub.calls)
        .containsExactlyInAnyOrder("SET_IRQS", "close eventfd", "close eventfd", "close device")
        .startsWith("SET_IRQS");
  }

  @Test
  void waits() {
    try (Interrupts msi = device.interrupts(VfioPci.MSI).enable(2)) {
      assertThat(msi.vectors()).isEqualTo(2);
      assertThat(msi.await(0, Duration.ZERO)).isZero();
      assertThat(msi.await(0, Duration.ofMillis(5))).isZero();
      msi.eventFd(1).signal();
      msi.eventFd(1).signal();
      assertThat(msi.await(0, 0)).isZero();
      assertThat(msi.await(1, Duration.ofSeconds(Long.MAX_VALUE))).isEqualTo(2);
      msi.eventFd(0).signal();
      assertThat(msi.await(0, Duration.ofNanos(-1))).isEqualTo(1);
      assertThat(msi.take(0)).isZero();
      refused(Reason.INVALID_ARGUMENT, "2 vectors", () -> msi.await(2, 0));
      refused(Reason.INVALID_ARGUMENT, "vector -1 of MSI", () -> msi.take(-1));
    }
  }

  @Test
  void closingWakesWhoWaits() throws Exception {
    Interrupts msi = device.interrupts(VfioPci.MSI).enable(1);
    CompletableFuture<Long> waiter = CompletableFuture.supplyAsync(() -> msi.await(0, -1));
    Thread.sleep(50);
    assertThat(waiter).isNotDone();
    msi.close();

    refused(
        Reason.CLOSED,
        "vector 0 of MSI of 0000:00:05.0",
        () -> {
          try {
            waiter.join();
          } catch (CompletionException e) {
            throw e.getCause();
          }
        });
    refused(Reason.CLOSED, "MSI of 0000:00:05.0", () -> msi.await(0, 0));
    refused(Reason.CLOSED, "MSI of 0000:00:05.0", () -> msi.take(0));
    refused(Reason.CLOSED, "MSI of 0000:00:05.0", () -> msi.trigger(0));
  }

  @Test
  void eventFdsOfTheCallerStayTheCallers() {
    EventFd mine = EventFd.create(stub.kernel, "mine");
    Interrupts req = device.interrupts(VfioPci.REQ).enable(List.of(mine));
    mine.signal();
    assertThat(req.await(0, 0)).isEqualTo(1);

    req.close();
    mine.signal();
    assertThat(mine.take()).isEqualTo(1);
    assertThat(stub.calls).doesNotContain("close eventfd");
    mine.close();
    assertThat(stub.calls).endsWith("close eventfd");
    refused(Reason.CLOSED, "mine", () -> device.interrupts(VfioPci.REQ).enable(List.of(mine)));
    device.interrupts(VfioPci.REQ).enable(1).close();
  }

  @Test
  void anEventFdOfTheCallerStaysOpenWhileTheKernelRaisesIt() {
    EventFd mine = EventFd.create(stub.kernel, "mine");
    Interrupts msi = device.interrupts(VfioPci.MSI).enable(List.of(mine));
    mine.close();
    assertThat(stub.calls).doesNotContain("close eventfd");
    msi.close();
    assertThat(stub.calls).endsWith("close eventfd");
  }

  @Test
  void anEventFdThatIsMissingLeavesNothingHeld() {
    EventFd mine = EventFd.create(stub.kernel, "mine");
    assertThatThrownBy(() -> device.interrupts(VfioPci.MSI).enable(Arrays.asList(mine, null)))
        .isInstanceOf(NullPointerException.class);
    device.interrupts(VfioPci.MSI).enable(1).close();
    mine.close();
    device.close();
    assertThat(stub.calls).endsWith("close device");
  }

  @Test
  void asksForLessThanThereIs() {
    refused(Reason.LIMIT, "4 can be had", () -> device.interrupts(VfioPci.MSIX).enable(5));
    refused(
        Reason.INVALID_ARGUMENT, "at least one", () -> device.interrupts(VfioPci.MSIX).enable(0));
    assertThat(stub.irqSets).isEmpty();

    stub.setIrqsResult = 3;
    refused(Reason.LIMIT, "3 can be had; the device has 4", () -> device.interrupts(2).enable(4));
    // Nothing was enabled: nothing is to be disabled, and no descriptor is left.
    assertThat(stub.irqSets).hasSize(1);
    assertThat(stub.calls.stream().filter("close eventfd"::equals)).hasSize(4);
    stub.setIrqsResult = 0;
    device.interrupts(VfioPci.MSIX).enable(3).close();

    stub.irqCount = 0;
    refused(Reason.NOT_SUPPORTED, "MSIX", () -> device.interrupts(VfioPci.MSIX).enable(1));
  }

  @Test
  void oneKindAtATime() {
    Interrupts msi = device.interrupts(VfioPci.MSI).enable(1);
    refused(Reason.WRONG_STATE, "enabled already", () -> device.interrupts(1).enable(1));
    stub.setIrqsResult = Errno.EINVAL.result();
    refused(
        Reason.WRONG_STATE,
        "through this object enabled is MSI",
        () -> device.interrupts(VfioPci.INTX).enable(1));
    stub.setIrqsResult = 0;
    msi.close();
    device.interrupts(VfioPci.INTX).enable(1).close();
    device.interrupts(VfioPci.MSI).enable(1).close();

    stub.setIrqsResult = Errno.ENOSPC.result();
    refused(Reason.LIMIT, "no interrupt vector", () -> device.interrupts(1).enable(1));
  }

  @Test
  void masksAndUnmasks() {
    stub.irqFlags |= VfioDeviceUapi.VFIO_IRQ_INFO_MASKABLE;
    Interrupts intx = device.interrupts(VfioPci.INTX).enable(1);
    stub.irqSets.clear();
    intx.mask();
    intx.unmask();
    intx.trigger(0);
    assertThat(stub.irqSets)
        .containsExactly(
            StubDevice.words(20, 0x09, VfioPci.INTX, 0, 1),
            StubDevice.words(20, 0x11, VfioPci.INTX, 0, 1),
            StubDevice.words(20, 0x21, VfioPci.INTX, 0, 1));
    stub.setIrqsResult = Errno.EIO.result();
    refused(Reason.DEVICE_FAULT, "to unmask INTX of 0000:00:05.0", intx::unmask);
    stub.setIrqsResult = 0;
    intx.close();
    refused(Reason.CLOSED, "INTX", intx::unmask);
  }

  @Test
  void onlyTheLineCanBeMasked() {
    try (Interrupts msix = device.interrupts(VfioPci.MSIX).enable(4)) {
      stub.irqSets.clear();
      refused(Reason.NOT_SUPPORTED, "MSIX", msix::mask);
      refused(Reason.NOT_SUPPORTED, "MSIX", msix::unmask);
      msix.trigger(3);
      assertThat(stub.irqSets).containsExactly(StubDevice.words(20, 0x21, VfioPci.MSIX, 3, 1));
      refused(Reason.INVALID_ARGUMENT, "vector 4", () -> msix.trigger(4));
    }
  }

  @Test
  void aFailedDisableIsToldAndLeavesNothingOpen() {
    Interrupts msi = device.interrupts(VfioPci.MSI).enable(1);
    stub.setIrqsResult = Errno.ENODEV.result();
    refused(Reason.NO_SUCH_DEVICE, "to disable MSI", msi::close);
    assertThat(stub.calls).endsWith("close eventfd");
    stub.setIrqsResult = 0;
    device.interrupts(VfioPci.MSI).enable(1).close();
  }

  @Test
  void info() {
    stub.irqFlags = 0xf;
    IrqInfo info = device.interrupts(VfioPci.MSI).info();
    assertThat(info.flags()).containsExactly(IrqInfo.Flag.values());
    assertThat(info.count()).isEqualTo(4);
    assertThat(info)
        .hasToString("irq index 1: 4 vectors, flags [EVENTFD, MASKABLE, AUTOMASKED, NORESIZE]");
  }
}
