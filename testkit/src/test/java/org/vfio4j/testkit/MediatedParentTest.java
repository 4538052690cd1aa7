// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.OpeningPlan;
import org.vfio4j.bridge.OpeningPlan.Against;
import org.vfio4j.bridge.OpeningPolicy;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevChange;
import org.vfio4j.mdev.MdevChange.Kind;
import org.vfio4j.mdev.MdevDefinition;
import org.vfio4j.mdev.MdevDefinitions;
import org.vfio4j.mdev.MdevType;
import org.vfio4j.mdev.MdevWatch;
import org.vfio4j.testkit.device.MdpyDriver;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/** Parents that come and go, and kernels that have less. */
class MediatedParentTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final FakeKernel kernel =
      FakeKernel.of(KernelVersion.LINUX_6_12, MediatedParentTest::samples);
  private final MdevBus bus = MdevBus.of(kernel);

  @TempDir private Path config;

  private static void samples(Machine machine) {
    machine.mediated(MttyDriver.PARENT, new MttyDriver());
    machine.mediated(MdpyDriver.PARENT, new MdpyDriver());
  }

  @Test
  void aParentThatIsGoing() throws Exception {
    MdevType type = bus.parent("mtty").type("mtty-1");
    Mdev mdev = type.create(ID);
    try (MdevWatch watch = MdevWatch.on(bus, Duration.ofHours(1))) {
      UnboundDevice open = VfioCdev.find(mdev.sysfs()).open();
      CompletableFuture<Void> gone =
          CompletableFuture.runAsync(() -> kernel.removeMediatedParent(MttyDriver.PARENT));
      while (bus.findParent("mtty").isPresent()) {
        Thread.onSpinWait();
      }
      refused(Reason.NO_SUCH_DEVICE, Errno.ENODEV, "mtty is being taken", type::create);
      open.close();
      gone.get(20, TimeUnit.SECONDS);
      refused(Reason.NO_SUCH_DEVICE, Errno.ENOENT, "no type mtty-1", type::create);
      refused(
          Reason.NO_SUCH_DEVICE, Errno.ENOENT, "the parents are mdpy", () -> bus.parent("mtty"));
      refused(Reason.NO_SUCH_DEVICE, Errno.ENOENT, "", mdev::remove);
      assertThat(watch.await(PATIENCE))
          .containsExactly(
              new MdevChange(Kind.DEVICE_REMOVED, ID.toString(), "mtty"),
              new MdevChange(Kind.PARENT_REMOVED, "mtty", "mtty"));
    }
  }

  /** It waits for who was first, and who comes later finds that it is seen to. */
  @Test
  void aParentThatGoesWhileADeviceIsRemoved() throws Exception {
    MdevType type = bus.parent("mtty").type("mtty-1");
    Mdev first = type.create(ID);
    Mdev second = type.create();
    String folder = first.sysfs().path();
    String remove = second.sysfs().path() + "/remove";
    byte[] one = {'1'};
    CompletableFuture<Integer> removed;
    Thread gone = new Thread(() -> kernel.removeMediatedParent(MttyDriver.PARENT));
    try (UnboundDevice open = VfioCdev.find(first.sysfs()).open();
        UnboundDevice other = VfioCdev.find(second.sysfs()).open()) {
      removed = CompletableFuture.supplyAsync(() -> kernel.writeFile(folder + "/remove", one));
      await(() -> !kernel.readLink(folder + "/mdev_type").isOk());
      gone.start();
      await(() -> gone.getState() == Thread.State.WAITING);
      assertThat(kernel.writeFile(remove, one)).isEqualTo(Errno.ENODEV.result());
      assertThat(kernel.writeFile(remove, one)).isEqualTo(Errno.ENOENT.result());
      refused(Reason.NO_SUCH_DEVICE, Errno.ENODEV, "mtty is being taken", type::create);
      assertThat(bus.findParent("mtty")).isPresent();
      assertThat(removed.isDone()).isFalse();
      assertThat(open.isClosed() || other.isClosed()).isFalse();
    }
    assertThat(removed.get(20, TimeUnit.SECONDS)).isEqualTo(1);
    gone.join(PATIENCE.toMillis());
    assertThat(gone.isAlive()).isFalse();
    assertThat(bus.devices()).isEmpty();
    assertThat(bus.findParent("mtty")).isEmpty();
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long giveUp = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waits for ever").isLessThan(giveUp);
      Thread.sleep(1);
    }
  }

  @Test
  void aParentThatComes() {
    kernel.removeMediatedParent(MttyDriver.PARENT);
    MdevDefinitions definitions = MdevDefinitions.at(bus, config);
    MdevDefinition auto = MdevDefinition.of("mtty", ID, "mtty-2").withAutostart(true);
    MdevDefinition byHand = MdevDefinition.of("mtty", UUID.randomUUID(), "mtty-1");
    MdevDefinition wrong =
        MdevDefinition.of("mtty", UUID.randomUUID(), "mtty-3").withAutostart(true);
    List.of(auto, byHand, wrong).forEach(definitions::define);
    assertThat(definitions.autostart()).isEmpty();
    assertThat(catchThrowableOfType(VfioException.class, () -> definitions.start(auto)).reason())
        .isEqualTo(Reason.NO_SUCH_DEVICE);
    try (MdevWatch watch = MdevWatch.on(bus, Duration.ofHours(1))) {
      kernel.addMediatedParent(MttyDriver.PARENT, new MttyDriver());
      assertThat(watch.await(PATIENCE))
          .containsExactly(new MdevChange(Kind.PARENT_ADDED, "mtty", "mtty"));
      List<MdevDefinitions.Started> started = definitions.autostart("mtty");
      assertThat(started).hasSize(2);
      for (MdevDefinitions.Started one : started) {
        Optional<Reason> reason = one.failure().map(VfioException::reason);
        assertThat(reason)
            .isEqualTo(
                one.definition().equals(auto)
                    ? Optional.empty()
                    : Optional.of(Reason.NO_SUCH_DEVICE));
      }
      assertThat(watch.await(PATIENCE))
          .containsExactly(new MdevChange(Kind.DEVICE_ADDED, ID.toString(), "mtty"));
    }
    assertThat(definitions.isActive(auto)).isTrue();
    assertThat(MdevDefinition.of(bus.device(ID))).isEqualTo(auto.withAutostart(false));
    definitions.stop(auto);
    assertThat(bus.devices()).isEmpty();
  }

  /** All or nothing: the attributes of the samples are for reading only. */
  @Test
  void anAttributeThatIsRefused() {
    MdevDefinitions definitions = MdevDefinitions.at(bus, config);
    MdevDefinition definition =
        MdevDefinition.of("mdpy", ID, "mdpy-hd").withAttribute("vendor/resolution", "1x1");
    refused(
        Reason.NO_PERMISSION,
        Errno.EACCES,
        "not there to write",
        () -> definitions.start(definition));
    assertThat(bus.devices()).isEmpty();
  }

  /** Where there are only groups, VFIO has made one up. */
  @Test
  void throughAGroupWhereThereAreOnlyGroups() {
    List<FakeKernel> kernels =
        List.of(
            FakeKernel.of(KernelVersion.LINUX_6_1, MediatedParentTest::samples),
            FakeKernel.of(
                KernelVersion.LINUX_6_12,
                machine -> {
                  samples(machine);
                  machine.withoutDeviceNodes();
                }));
    for (FakeKernel old : kernels) {
      Mdev mdev = MdevBus.of(old).parent("mtty").type("mtty-1").create();
      VfioException noNode =
          catchThrowableOfType(VfioException.class, () -> VfioCdev.find(mdev.sysfs()));
      assertThat(noNode.reason()).isEqualTo(Reason.NOT_IN_KERNEL);
      OpeningPlan plan =
          OpeningPlan.of(old, mdev.sysfs(), OpeningPolicy.PREFER_DEVICE, AssignmentPolicy.STAGE_1);
      assertThat(plan.verdict(VfioMode.IOMMUFD).against()).contains(Against.NOT_IN_KERNEL);
      assertThat(plan.chosen()).as(plan.toString()).contains(VfioMode.VFIO_TYPE1V2_IOMMU);
      try (AssignedDevice device = plan.open(DeviceCookie.of(1))) {
        assertThat(device.device().config().vendorId()).isEqualTo(0x4348);
        assertThat(catchThrowableOfType(VfioException.class, mdev::remove).reason())
            .isEqualTo(Reason.IN_USE);
      }
      mdev.remove();
    }
  }

  private static void refused(Reason reason, Errno errno, String fact, ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).isNotNull();
    assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
    assertThat(refusal.errno()).contains(errno);
    assertThat(refusal.fact()).contains(fact);
  }
}
