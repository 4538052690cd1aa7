// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.IrqIndex;
import org.vfio4j.device.IrqInfo;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.Resampler;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.PciDriver;

/** The five irq indexes of vfio-pci, by the hardware's interrupts where the lab's devices can. */
class InterruptsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Long enough for an interrupt that should not come. */
  private static final Duration QUIET = Duration.ofMillis(100);

  private static final int NVME_VECTORS = 65;

  @EveryGroupMode
  void msi(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        MappedRegion registers = assigned.device().region(VfioPci.BAR0).map()) {
      IrqIndex msi = assigned.device().interrupts(VfioPci.MSI);
      assertThat(msi.info().count()).isEqualTo(1);
      assertThat(msi.info().flags())
          .containsExactlyInAnyOrder(IrqInfo.Flag.EVENTFD, IrqInfo.Flag.NORESIZE);
      assigned.device().config().enableBusMaster(true);
      for (int round = 0; round < 3; round++) {
        try (Interrupts interrupts = msi.enable(1)) {
          assertThat(interrupts.await(0, Duration.ZERO)).isZero();
          registers.putIntLe(Edu.RAISE, 1);
          assertThat(interrupts.await(0, PATIENCE)).isEqualTo(1);
          registers.putIntLe(Edu.ACKNOWLEDGE, 1);
          assertThat(interrupts.take(0)).isZero();
          Refusal.of(Reason.NOT_SUPPORTED, interrupts::mask);
          Refusal.of(Reason.NOT_SUPPORTED, interrupts::unmask);
        }
        // Disabled: what is raised now goes nowhere, and does not come after the next enable.
        registers.putIntLe(Edu.RAISE, 1);
        registers.putIntLe(Edu.ACKNOWLEDGE, 1);
      }
    }
  }

  @EveryGroupMode
  void intxIsMaskedAtEachInterrupt(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        MappedRegion registers = assigned.device().region(VfioPci.BAR0).map();
        Interrupts line = assigned.device().interrupts(VfioPci.INTX).enable(1)) {
      assertThat(line.info().flags())
          .containsExactlyInAnyOrder(
              IrqInfo.Flag.EVENTFD, IrqInfo.Flag.MASKABLE, IrqInfo.Flag.AUTOMASKED);

      registers.putIntLe(Edu.RAISE, 1);
      assertThat(line.await(0, PATIENCE)).isEqualTo(1);
      assertThat(line.await(0, QUIET)).as("masked, though the line is up").isZero();
      line.unmask();
      assertThat(line.await(0, PATIENCE)).as("the line is up still").isEqualTo(1);
      registers.putIntLe(Edu.ACKNOWLEDGE, 1);
      line.unmask();
      assertThat(line.await(0, QUIET)).as("the line is down").isZero();

      line.mask();
      registers.putIntLe(Edu.RAISE, 1);
      assertThat(line.await(0, QUIET)).as("masked by us").isZero();
      line.unmask();
      assertThat(line.await(0, PATIENCE)).isEqualTo(1);
      registers.putIntLe(Edu.ACKNOWLEDGE, 1);

      // The hardware's interrupts while nobody looks are one, as long as nobody unmasks.
      line.unmask();
      registers.putIntLe(Edu.RAISE, 1);
      assertThat(line.await(0, PATIENCE)).isEqualTo(1);
      registers.putIntLe(Edu.ACKNOWLEDGE, 1);
      registers.putIntLe(Edu.RAISE, 1);
      registers.putIntLe(Edu.ACKNOWLEDGE, 1);
      assertThat(line.await(0, QUIET)).isZero();
    }
  }

  @EveryGroupMode
  void msixVectorsAreToldApart(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      IrqIndex msix = assigned.device().interrupts(VfioPci.MSIX);
      assertThat(msix.info().count()).isEqualTo(NVME_VECTORS);
      try (Interrupts interrupts = msix.enable(NVME_VECTORS)) {
        assertThat(interrupts.vectors()).isEqualTo(NVME_VECTORS);
        interrupts.trigger(NVME_VECTORS - 1);
        interrupts.trigger(3);
        interrupts.trigger(3);
        for (int vector = 0; vector < NVME_VECTORS; vector++) {
          long expected = vector == 3 ? 2 : vector == NVME_VECTORS - 1 ? 1 : 0;
          assertThat(interrupts.take(vector)).as("vector %d", vector).isEqualTo(expected);
        }
        VfioException refusal =
            Refusal.of(Reason.INVALID_ARGUMENT, () -> interrupts.trigger(NVME_VECTORS));
        assertThat(refusal).hasMessageContaining("65 vectors");
        Refusal.of(Reason.INVALID_ARGUMENT, () -> interrupts.await(-1, Duration.ZERO));
      }
      // Any number up to that, again and again.
      for (int vectors : new int[] {1, 7, NVME_VECTORS}) {
        try (Interrupts interrupts = msix.enable(vectors)) {
          interrupts.trigger(vectors - 1);
          assertThat(interrupts.await(vectors - 1, PATIENCE)).isEqualTo(1);
        }
      }
    }
  }

  @EveryGroupMode
  void moreVectorsThanThereAre(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      IrqIndex msix = assigned.device().interrupts(VfioPci.MSIX);
      for (int vectors : new int[] {NVME_VECTORS + 1, Integer.MAX_VALUE}) {
        VfioException refusal = Refusal.of(Reason.LIMIT, () -> msix.enable(vectors));
        assertThat(refusal)
            .hasMessageContaining("MSIX of 0000:00:06.0")
            .hasMessageContaining("the device has 65");
      }
      Refusal.of(Reason.INVALID_ARGUMENT, () -> msix.enable(0));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> msix.enable(-1));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> msix.enable(Integer.MIN_VALUE));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> msix.enable(List.of()));
      Refusal.of(Reason.LIMIT, () -> assigned.device().interrupts(VfioPci.INTX).enable(2));
      // Nothing of that stays behind.
      msix.enable(NVME_VECTORS).close();
    }
  }

  @EveryGroupMode
  void oneOfThemAtATime(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      VfioDevice nvme = assigned.device();
      try (Interrupts line = nvme.interrupts(VfioPci.INTX).enable(1)) {
        VfioException refusal =
            Refusal.of(Reason.WRONG_STATE, () -> nvme.interrupts(VfioPci.MSIX).enable(2));
        assertThat(refusal).hasMessageContaining("enabled is INTX");
        Refusal.of(Reason.WRONG_STATE, () -> nvme.interrupts(VfioPci.INTX).enable(1));
        line.trigger(0);
        assertThat(line.await(0, PATIENCE)).isEqualTo(1);
      }
      try (Interrupts vectors = nvme.interrupts(VfioPci.MSIX).enable(2)) {
        Refusal.of(Reason.WRONG_STATE, () -> nvme.interrupts(VfioPci.INTX).enable(1));
        // ERR and REQ go beside it.
        try (Interrupts request = nvme.interrupts(VfioPci.REQ).enable(1);
            Interrupts error = nvme.interrupts(VfioPci.ERR).enable(1)) {
          request.trigger(0);
          error.trigger(0);
          error.trigger(0);
          assertThat(request.await(0, PATIENCE)).isEqualTo(1);
          assertThat(error.await(0, PATIENCE)).isEqualTo(2);
        }
        vectors.trigger(1);
        assertThat(vectors.await(1, PATIENCE)).isEqualTo(1);
      }
    }
  }

  @EveryGroupMode
  void whatTheDeviceDoesNotHave(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      VfioDevice edu = assigned.device();
      VfioException error =
          Refusal.of(Reason.NOT_SUPPORTED, () -> edu.interrupts(VfioPci.ERR).enable(1));
      assertThat(error).hasMessageContaining("ERR of 0000:00:05.0");
      VfioException msix =
          Refusal.of(Reason.NOT_SUPPORTED, () -> edu.interrupts(VfioPci.MSIX).enable(1));
      assertThat(msix).hasMessageContaining("MSIX of 0000:00:05.0");
      VfioException five = Refusal.of(Reason.INVALID_ARGUMENT, () -> edu.interrupts(5));
      assertThat(five).hasMessageContaining("irq index 5").hasMessageContaining("has 5");
      Refusal.of(Reason.INVALID_ARGUMENT, () -> edu.interrupts(-1));
      VfioException two = Refusal.of(Reason.LIMIT, () -> edu.interrupts(VfioPci.MSI).enable(2));
      assertThat(two).hasMessageContaining("the device has 1");
    }
  }

  @EveryGroupMode
  void timeouts(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1)) {
      long start = System.nanoTime();
      assertThat(msi.await(0, Duration.ofMillis(50))).isZero();
      assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(50_000_000);
      assertThat(msi.await(0, Duration.ZERO)).isZero();
      msi.trigger(0);
      // Too long for nanoseconds, and for ever.
      assertThat(msi.await(0, Duration.ofSeconds(Long.MAX_VALUE))).isEqualTo(1);
      msi.trigger(0);
      assertThat(msi.await(0, Duration.ofSeconds(-1))).isEqualTo(1);
    }
  }

  @EveryGroupMode
  void eventfdsOfTheCaller(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME);
        EventFd first = EventFd.create(Lab.KERNEL, "first");
        EventFd second = EventFd.create(Lab.KERNEL, "second")) {
      IrqIndex msix = assigned.device().interrupts(VfioPci.MSIX);
      try (Interrupts interrupts = msix.enable(List.of(first, second))) {
        interrupts.trigger(1);
        assertThat(second.await(PATIENCE.toNanos())).isEqualTo(1);
        assertThat(first.take()).isZero();
      }
      second.signal();
      assertThat(second.take()).as("still ours").isEqualTo(1);
    }
  }

  @EveryGroupMode
  void noneIsLostBetweenThreads(VfioMode mode) throws Exception {
    int triggers = 500;
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1)) {
      AtomicLong taken = new AtomicLong();
      List<Future<Boolean>> waiting = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Callable<Boolean> waiter =
            () -> {
              try {
                while (true) {
                  taken.addAndGet(msi.await(0, -1));
                }
              } catch (VfioException e) {
                return e.reason() == Reason.CLOSED;
              }
            };
        waiting.add(threads.submit(waiter));
      }
      for (int i = 0; i < triggers; i++) {
        msi.trigger(0);
      }
      long giveUp = System.nanoTime() + PATIENCE.toNanos();
      while (taken.get() < triggers && System.nanoTime() < giveUp) {
        Thread.onSpinWait();
      }
      assertThat(taken.get()).isEqualTo(triggers);
      msi.close();
      for (Future<Boolean> waiter : waiting) {
        assertThat(waiter.get(20, TimeUnit.SECONDS)).as("woken with CLOSED").isTrue();
      }
      assertThat(taken.get()).as("the wake-up is no interrupt").isEqualTo(triggers);
    } finally {
      threads.shutdownNow();
    }
  }

  @EveryGroupMode
  void intxIsUnmaskedByAnEventFd(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        MappedRegion registers = assigned.device().region(VfioPci.BAR0).map();
        EventFd served = EventFd.create(Lab.KERNEL, "served");
        Interrupts line = assigned.device().interrupts(VfioPci.INTX).enable(1)) {
      try (Resampler resampler = line.unmaskOn(served)) {
        assertThat(resampler.eventFd()).isSameAs(served);
        for (int round = 0; round < 3; round++) {
          registers.putIntLe(Edu.RAISE, 1);
          assertThat(line.await(0, PATIENCE)).isEqualTo(1);
          assertThat(line.await(0, QUIET)).as("masked").isZero();
          // Not served yet: it comes again.
          served.signal();
          assertThat(line.await(0, PATIENCE)).isEqualTo(1);
          registers.putIntLe(Edu.ACKNOWLEDGE, 1);
          served.signal();
          assertThat(line.await(0, QUIET)).isZero();
        }
        assertThat(served.take()).as("the kernel has taken it").isZero();
        VfioException second = Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> line.unmaskOn(served));
        assertThat(second.fact()).contains("already");
      }
      // Over: the eventfd is an ordinary one again.
      registers.putIntLe(Edu.RAISE, 1);
      assertThat(line.await(0, PATIENCE)).isEqualTo(1);
      served.signal();
      assertThat(line.await(0, QUIET)).isZero();
      assertThat(served.take()).isEqualTo(1);
      registers.putIntLe(Edu.ACKNOWLEDGE, 1);
      // Another one may come then.
      try (EventFd other = EventFd.create(Lab.KERNEL, "other");
          Resampler next = line.unmaskOn(other)) {
        other.signal();
        registers.putIntLe(Edu.RAISE, 1);
        assertThat(line.await(0, PATIENCE)).isEqualTo(1);
        registers.putIntLe(Edu.ACKNOWLEDGE, 1);
        assertThat(next.isClosed()).isFalse();
      }
    }
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        EventFd served = EventFd.create(Lab.KERNEL, "served");
        Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1)) {
      Refusal.of(Reason.NOT_SUPPORTED, () -> msi.unmaskOn(served));
    }
  }

  /** Vectors beside those that are enabled: since Linux 6.5, and on this host. */
  @EveryGroupMode
  void msixGrows(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      IrqIndex msix = assigned.device().interrupts(VfioPci.MSIX);
      try (Interrupts interrupts = msix.enable(1)) {
        if (Lab.OLD_KERNEL) {
          assertThat(msix.info().has(IrqInfo.Flag.NORESIZE)).isTrue();
          VfioException fixed = Refusal.of(Reason.NOT_SUPPORTED, () -> interrupts.grow(2));
          assertThat(fixed.hint()).contains("Linux 6.5");
          return;
        }
        assertThat(msix.info().has(IrqInfo.Flag.NORESIZE)).isFalse();
        interrupts.trigger(0);
        interrupts.grow(3);
        assertThat(interrupts.vectors()).isEqualTo(3);
        assertThat(interrupts.take(0)).as("it went on").isEqualTo(1);
        interrupts.grow(NVME_VECTORS);
        interrupts.trigger(NVME_VECTORS - 1);
        interrupts.trigger(2);
        assertThat(interrupts.await(NVME_VECTORS - 1, PATIENCE)).isEqualTo(1);
        assertThat(interrupts.await(2, PATIENCE)).isEqualTo(1);
        Refusal.of(Reason.LIMIT, () -> interrupts.grow(NVME_VECTORS + 1));
        Refusal.of(Reason.INVALID_ARGUMENT, () -> interrupts.grow(3));
        assertThat(interrupts.vectors()).isEqualTo(NVME_VECTORS);
      }
      // Disabled with all of them.
      msix.enable(2).close();
    }
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1)) {
      Refusal.of(Reason.NOT_SUPPORTED, () -> msi.grow(2));
    }
  }

  /** What REQ is for: somebody takes the driver away, which waits until the device is closed. */
  @EveryGroupMode
  void theHostAsksForTheDevice(VfioMode mode) throws Exception {
    ExecutorService host = Executors.newSingleThreadExecutor();
    try {
      Future<?> unbound;
      try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
          Interrupts request = assigned.device().interrupts(VfioPci.REQ).enable(1)) {
        unbound = host.submit(() -> PciDriver.unbind(Lab.KERNEL, Lab.EDU));
        assertThat(request.await(0, PATIENCE)).isEqualTo(1);
        assertThat(unbound.isDone()).isFalse();
      }
      unbound.get(30, TimeUnit.SECONDS);
      assertThat(Lab.sysfs(Lab.EDU).driver()).isEmpty();
    } finally {
      host.shutdown();
      PciDriver.bind(Lab.KERNEL, Lab.EDU, PciDriver.VFIO_PCI);
    }
    AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU).close();
  }
}
