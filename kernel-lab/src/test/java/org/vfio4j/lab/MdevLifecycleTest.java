// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Roots;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevType;

/** Mediated devices come and go, and what is in their way. */
@Tag("mdev")
class MdevLifecycleTest {
  private static final int PORTS = 24;
  private static final int CREATORS = 8;
  private static final int CYCLES = 1000;

  private final MdevBus bus = MdevBus.of(Lab.KERNEL);
  private final MdevType single = bus.parent("mtty").type("mtty-1");

  @AfterEach
  void nothingIsLeft() {
    assertThat(bus.devices()).isEmpty();
    assertThat(single.availableInstances()).isEqualTo(PORTS);
  }

  @Test
  @Tag("lab")
  void aUuidIsForOneDeviceOfTheMachine() {
    Mdev mdev = single.create();
    try {
      for (MdevType type : List.of(single, bus.parent("mdpy").type("mdpy-hd"))) {
        VfioException refusal =
            Refusal.of(Reason.ALREADY_EXISTS, Errno.EEXIST, () -> type.create(mdev.uuid()));
        assertThat(refusal.fact()).contains("it is that of a mtty-1 of mtty");
        Refusal.of(Reason.ALREADY_EXISTS, Errno.EEXIST, () -> type.tryCreate(mdev.uuid()));
      }
    } finally {
      mdev.remove();
    }
  }

  /** Of a driver that counts, and of one for which the kernel does. */
  @Test
  @Tag("lab")
  void noInstanceLeft() {
    for (String name : List.of("mdpy-vga", "mbochs-large")) {
      MdevType type = bus.parent(name.substring(0, name.indexOf('-'))).type(name);
      List<Mdev> all = new ArrayList<>();
      try {
        for (int i = 0; i < 4; i++) {
          all.add(type.create());
        }
        assertThat(type.availableInstances()).isZero();
        Errno errno = name.startsWith("mdpy") ? Errno.EUSERS : Errno.ENOSPC;
        VfioException refusal = Refusal.of(Reason.LIMIT, errno, type::create);
        assertThat(refusal.fact()).isEqualTo("no instance of the type is left");
        assertThat(refusal.hint()).contains("4 devices");
        assertThat(type.tryCreate(UUID.randomUUID())).isEmpty();
      } finally {
        all.forEach(Mdev::remove);
      }
    }
  }

  @Test
  @Tag("lab")
  void exactlyAsManyAsThereArePorts() throws Exception {
    ExecutorService creators = Executors.newFixedThreadPool(CREATORS);
    List<Mdev> made = new ArrayList<>();
    try {
      List<Callable<Mdev>> tasks = new ArrayList<>();
      for (int i = 0; i < 2 * PORTS; i++) {
        tasks.add(single::create);
      }
      int refused = 0;
      for (Future<Mdev> task : creators.invokeAll(tasks)) {
        try {
          made.add(task.get());
        } catch (java.util.concurrent.ExecutionException e) {
          VfioException refusal = (VfioException) e.getCause();
          assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(Reason.LIMIT);
          assertThat(refusal.errno()).contains(Errno.ENOSPC);
          refused++;
        }
      }
      assertThat(made).hasSize(PORTS).doesNotHaveDuplicates();
      assertThat(refused).isEqualTo(PORTS);
      assertThat(bus.devices()).containsExactlyInAnyOrderElementsOf(made);
      assertThat(bus.parent("mtty").types())
          .extracting(MdevType::availableInstances)
          .containsOnly(0);
      List<Callable<Void>> removals = new ArrayList<>();
      for (Mdev mdev : made) {
        removals.add(
            () -> {
              mdev.remove();
              return null;
            });
      }
      for (Future<Void> removal : creators.invokeAll(removals)) {
        removal.get();
      }
    } finally {
      creators.shutdownNow();
      assertThat(creators.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @EveryMode
  void oneThatIsOpenIsNotRemoved(VfioMode mode) {
    Mdev mdev = single.create();
    String self = "process " + ProcessHandle.current().pid();
    try (AssignedDevice open =
        AssignedDevice.open(Lab.KERNEL, mode, mdev.sysfs(), DeviceCookie.of(1))) {
      VfioException refusal = Refusal.of(Reason.IN_USE, null, mdev::remove);
      assertThat(refusal.fact()).contains("held by " + self);
      assertThat(refusal.hint()).contains("close the device first");
      assertThat(mdev.holders()).hasSize(1);
      assertThat(mdev.exists()).isTrue();
      assertThat(open.device().config().vendorId()).isEqualTo(0x4348);
    }
    assertThat(mdev.holders()).isEmpty();
    mdev.remove();
    // sysfs() of a device that is gone is what refuses here.
    Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, mdev::remove);
  }

  /** Open in a process that this one cannot look into: nobody is hung up by it for ever. */
  @Test
  @Tag("lab")
  @RealKernelOnly("the fake has one /proc")
  void oneThatIsOpenUnseen() {
    Mdev mdev = single.create();
    Kernel blind = Kernel.host(new Roots("/sys", "/dev", "/nowhere"));
    Mdev seenBlind = MdevBus.of(blind).device(mdev.uuid());
    UnboundDevice open = VfioCdev.find(mdev.sysfs()).open();
    assertThat(seenBlind.holders()).isEmpty();
    VfioException refusal =
        Refusal.of(Reason.IN_USE, null, () -> seenBlind.remove(Duration.ofMillis(300)));
    assertThat(refusal.fact()).contains("has waited 300 ms");
    assertThat(bus.find(mdev.uuid())).isEmpty();
    VfioException taken =
        Refusal.of(Reason.ALREADY_EXISTS, Errno.EEXIST, () -> single.create(mdev.uuid()));
    assertThat(taken.fact()).contains("not gone yet");
    open.close();
    awaitPorts();
  }

  private void awaitPorts() {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (single.availableInstances() < PORTS && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }

  @Test
  @Tag("lab")
  void aThousandTimes() {
    cycle(VfioMode.IOMMUFD);
    ProcessState before = ProcessState.now();
    for (int i = 0; i < CYCLES; i++) {
      cycle(i % 2 == 0 ? VfioMode.IOMMUFD : VfioMode.VFIO_TYPE1V2_IOMMU);
    }
    ProcessState.now().assertSameAs(before);
    assertThat(Lab.KERNEL.list("/dev/vfio/devices").value()).hasSameSizeAs(vfioDevices());
  }

  private static List<String> vfioDevices() {
    return Lab.KERNEL.list("/sys/class/vfio-dev").value();
  }

  private void cycle(VfioMode mode) {
    Mdev mdev = single.create();
    AssignedDevice.open(Lab.KERNEL, mode, mdev.sysfs(), DeviceCookie.of(1)).close();
    mdev.remove();
  }
}
