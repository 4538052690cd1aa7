// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceInfo;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.device.InertModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.TestdevModel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * When a function is reset without being asked: as it is opened and closed. The same calls on a
 * real kernel, with {@code pci-testdev} of QEMU in these places, had the same results.
 */
class FunctionResetTest {
  private static final PciAddress HERE = PciAddress.of("0000:00:03.0");

  /** Two behind one bridge, and one alone behind another: none has a reset of its own. */
  private static final PciAddress FIRST = PciAddress.of("0000:01:01.0");

  private static final PciAddress SECOND = PciAddress.of("0000:01:02.0");
  private static final PciAddress ALONE = PciAddress.of("0000:02:01.0");

  /** Of {@code pci-testdev}: the beginning of the name of the test that is chosen. */
  private static final int NAME = 16;

  private final Kernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> {
            for (int bus = 1; bus <= 2; bus++) {
              machine
                  .device("0000:00:0" + bus + ".0", new InertModel(PciFunction.of(1, 1).bridge()))
                  .inGroup(bus);
            }
            for (PciAddress address : new PciAddress[] {FIRST, SECOND, ALONE}) {
              machine
                  .device(address.toString(), new TestdevModel())
                  .inGroup(address.bus())
                  .behind("0000:00:0" + address.bus() + ".0")
                  .boundTo("vfio-pci");
            }
          });

  private final Iommufd iommufd = Iommufd.open(kernel);

  @AfterEach
  void close() {
    iommufd.close();
  }

  private BoundDevice open(PciAddress address) {
    return VfioCdev.find(kernel, address).open().bind(iommufd, DeviceCookie.of(1));
  }

  private static void choose(BoundDevice device) {
    device.region(VfioPci.BAR0).putByte(0, (byte) 0);
    assertThat(isChosen(device)).isTrue();
  }

  private static boolean isChosen(BoundDevice device) {
    return device.region(VfioPci.BAR0).getIntLe(NAME) != 0;
  }

  private int reset(BoundDevice device) {
    return kernel.ioctl(device.fd(), VfioDeviceUapi.VFIO_DEVICE_RESET, 0L);
  }

  /** The host takes the device away, and waits for who has it open. */
  private CompletableFuture<Void> takeAway(PciAddress address) throws InterruptedException {
    CompletableFuture<Void> taken =
        CompletableFuture.runAsync(() -> PciDriver.unbind(kernel, address));
    while (SysfsDevice.pci(kernel, address).driver().isPresent()) {
      Thread.sleep(1);
    }
    return taken;
  }

  private void giveBack(PciAddress address, CompletableFuture<Void> taken) throws Exception {
    taken.get(20, TimeUnit.SECONDS);
    PciDriver.bind(kernel, address, PciDriver.VFIO_PCI);
  }

  @Test
  void byTheBusThatItIsAloneOn() {
    try (BoundDevice alone = open(ALONE)) {
      assertThat(alone.info().has(DeviceInfo.Flag.RESET)).isTrue();
      choose(alone);
      assertThat(reset(alone)).isZero();
      assertThat(isChosen(alone)).isFalse();
      choose(alone);
    }
    try (BoundDevice alone = open(ALONE)) {
      assertThat(isChosen(alone)).isFalse();
    }
  }

  @Test
  void withTheOthersOfItsBusWhenNoneIsOpen() {
    try (BoundDevice first = open(FIRST)) {
      assertThat(first.info().has(DeviceInfo.Flag.RESET)).isFalse();
      choose(first);
    }
    try (BoundDevice second = open(SECOND)) {
      try (BoundDevice first = open(FIRST)) {
        assertThat(isChosen(first)).as("after the last was closed").isFalse();
        choose(first);
      }
      try (BoundDevice first = open(FIRST)) {
        assertThat(isChosen(first)).as("while %s is open", second).isTrue();
      }
    }
    try (BoundDevice first = open(FIRST)) {
      assertThat(isChosen(first)).isFalse();
    }
  }

  @Test
  void notWhileTheHostTakesOneOfThemAway() throws Exception {
    CompletableFuture<Void> taken;
    try (BoundDevice first = open(FIRST)) {
      choose(first);
      taken = takeAway(FIRST);
      assertThat(reset(first)).isEqualTo(Errno.EINVAL.result());
    }
    giveBack(FIRST, taken);
    try (BoundDevice first = open(FIRST)) {
      assertThat(isChosen(first)).isTrue();
      try (UnboundDevice second = VfioCdev.find(kernel, SECOND).open()) {
        taken = takeAway(SECOND);
        first.close();
        try (BoundDevice again = open(FIRST)) {
          assertThat(isChosen(again)).isTrue();
        }
        // The kernel does not even try: it has found that one after the first.
        second.bind(iommufd, DeviceCookie.of(2)).close();
      }
      giveBack(SECOND, taken);
    }
    for (PciAddress address : new PciAddress[] {FIRST, ALONE}) {
      try (UnboundDevice device = VfioCdev.find(kernel, address).open()) {
        taken = takeAway(address);
        Refused.with(Errno.EAGAIN, () -> device.bind(iommufd, DeviceCookie.of(2)));
      }
      giveBack(address, taken);
    }
  }

  /** A device with a reset of its own: when it is opened, and when it is closed if that can be. */
  @Test
  void byItself() throws Exception {
    int[] resets = {0};
    Kernel other =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine
                    .device(
                        HERE.toString(),
                        new Busmaster() {
                          @Override
                          public void reset() {
                            resets[0]++;
                          }
                        })
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    CompletableFuture<Void> taken;
    try (Iommufd own = Iommufd.open(other)) {
      VfioCdev node = VfioCdev.find(other, HERE);
      try (BoundDevice here = node.open().bind(own, DeviceCookie.of(1))) {
        assertThat(here.info().has(DeviceInfo.Flag.RESET)).isTrue();
        assertThat(resets[0]).isEqualTo(1);
      }
      assertThat(resets[0]).isEqualTo(2);
      try (BoundDevice here = node.open().bind(own, DeviceCookie.of(1));
          Interrupts request = here.interrupts(VfioPci.REQ).enable(1)) {
        assertThat(resets[0]).isEqualTo(3);
        taken = CompletableFuture.runAsync(() -> PciDriver.unbind(other, HERE));
        request.await(0, Duration.ofSeconds(20));
        assertThat(other.ioctl(here.fd(), VfioDeviceUapi.VFIO_DEVICE_RESET, 0L))
            .isEqualTo(Errno.EAGAIN.result());
      }
      taken.get(20, TimeUnit.SECONDS);
      assertThat(resets[0]).isEqualTo(3);
    }
  }
}
