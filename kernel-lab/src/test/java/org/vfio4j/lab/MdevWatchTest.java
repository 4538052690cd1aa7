// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevChange;
import org.vfio4j.mdev.MdevChange.Kind;
import org.vfio4j.mdev.MdevType;
import org.vfio4j.mdev.MdevWatch;
import org.vfio4j.memory.NativeBlock;

/** What is told of mediated devices that come and go. */
@Tag("lab")
@Tag("mdev")
class MdevWatchTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** So long that only a uevent can be the reason. */
  private static final Duration NEVER = Duration.ofHours(1);

  private final MdevBus bus = MdevBus.of(Lab.KERNEL);

  @Test
  void byUevents() {
    try (MdevWatch watch = MdevWatch.on(bus, NEVER)) {
      assertThat(watch.hasUevents()).isTrue();
      comesAndGoes(watch);
    }
  }

  /** The device was there before its driver refused it. */
  @Test
  void aDeviceThatCannotBe() {
    MdevType type = bus.parent("mtty").type("mtty-2");
    List<Mdev> all = new ArrayList<>();
    while (type.availableInstances() > 0) {
      all.add(type.create());
    }
    int events = Lab.KERNEL.uevents();
    try {
      UUID uuid = UUID.randomUUID();
      Refusal.of(Reason.LIMIT, Errno.ENOSPC, () -> type.create(uuid));
      assertThat(event(events)).startsWith("add@").contains(uuid.toString());
      assertThat(event(events)).startsWith("remove@").contains(uuid.toString());
    } finally {
      Lab.KERNEL.close(events);
      all.forEach(Mdev::remove);
    }
  }

  private static String event(int fd) {
    NativeBlock message = new NativeBlock(4096);
    long length = Lab.KERNEL.read(fd, message, message.capacity());
    return new String(message.get(0, (int) Math.max(length, 0)), StandardCharsets.UTF_8);
  }

  @Test
  void withoutUevents() {
    MdevBus deaf = MdevBus.of(new WithoutUevents(Lab.KERNEL));
    try (MdevWatch watch = MdevWatch.on(deaf, Duration.ofMillis(20))) {
      assertThat(watch.hasUevents()).isFalse();
      comesAndGoes(watch);
    }
  }

  private void comesAndGoes(MdevWatch watch) {
    assertThat(watch.await(Duration.ofMillis(30))).isEmpty();
    List<Mdev> made = new ArrayList<>();
    CompletableFuture<Void> maker =
        CompletableFuture.runAsync(
            () -> made.add(bus.parent("mtty").type("mtty-1").create()),
            CompletableFuture.delayedExecutor(50, java.util.concurrent.TimeUnit.MILLISECONDS));
    List<MdevChange> added = watch.await(PATIENCE);
    maker.join();
    String uuid = made.get(0).uuid().toString();
    assertThat(added).containsExactly(new MdevChange(Kind.DEVICE_ADDED, uuid, "mtty"));
    assertThat(added.get(0)).hasToString("mdev " + uuid + " of mtty added");
    made.get(0).remove();
    assertThat(watch.await(PATIENCE))
        .containsExactly(new MdevChange(Kind.DEVICE_REMOVED, uuid, "mtty"));
    assertThat(watch.await(Duration.ZERO)).isEmpty();
    watch.close();
    Refusal.of(Reason.CLOSED, () -> watch.await(PATIENCE));
  }

  private static final class WithoutUevents extends org.vfio4j.linux.ForwardingKernel {
    WithoutUevents(Kernel below) {
      super(below);
    }

    @Override
    public int uevents() {
      return org.vfio4j.Errno.EPERM.result();
    }
  }
}
