// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.DeviceInfo;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.VfToken;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.SysfsDevice;

/**
 * Virtual functions of {@code nvme}, with their physical function on vfio-pci: who has one must
 * show the token of the other.
 */
class SriovTest {
  private static final PciAddress VF_1 = PciAddress.of("0000:02:00.1");
  private static final PciAddress VF_2 = PciAddress.of("0000:02:00.2");
  private static final VfToken TOKEN = VfToken.of("bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3");

  private static final int INTERRUPT_PIN = 0x3d;

  private SysfsDevice physical;

  @BeforeEach
  void take() {
    enableSriov("Y");
    PciDriver.bind(Lab.KERNEL, Lab.SRIOV_NVME, PciDriver.VFIO_PCI);
    physical = Lab.sysfs(Lab.SRIOV_NVME);
  }

  @AfterEach
  void giveBack() {
    // Who has no driver has nobody to take them away.
    if (write("sriov_numvfs", "0") < 0) {
      PciDriver.restore(Lab.KERNEL, Lab.SRIOV_NVME);
      virtualFunctions(0);
    }
    PciDriver.restore(Lab.KERNEL, Lab.SRIOV_NVME);
    enableSriov("N");
  }

  /** vfio-pci makes virtual functions for who has said that he knows what he does. */
  private static void enableSriov(String value) {
    String parameter = "/sys/module/vfio_pci/parameters/enable_sriov";
    byte[] text = value.getBytes(StandardCharsets.US_ASCII);
    assertThat(Lab.KERNEL.writeFile(parameter, text)).isEqualTo(1);
  }

  private int write(String attribute, String text) {
    return Lab.KERNEL.writeFile(
        physical.path() + "/" + attribute, text.getBytes(StandardCharsets.US_ASCII));
  }

  private void virtualFunctions(int count) {
    assertThat(write("sriov_numvfs", Integer.toString(count))).isEqualTo(1);
  }

  private static VfioGroup join(PciAddress address, VfioContainer container) {
    return VfioGroup.open(Lab.KERNEL, Lab.sysfs(address).iommuGroup().orElseThrow())
        .join(container);
  }

  @Test
  @Tag("lab")
  void comeAndGo() {
    assertThat(physical.attribute("sriov_totalvfs")).contains("2");
    assertThat(physical.attribute("sriov_numvfs")).contains("0");
    enableSriov("N");
    assertThat(write("sriov_numvfs", "1")).isEqualTo(Errno.ENOENT.result());
    enableSriov("Y");
    assertThat(write("sriov_numvfs", "3")).isEqualTo(Errno.ERANGE.result());
    for (String none : List.of("many", "-1", " 1", "1 ", "08", "65536", "0x1\n\n")) {
      assertThat(write("sriov_numvfs", none)).as(none).isEqualTo(Errno.EINVAL.result());
    }
    assertThat(write("sriov_numvfs", "+0x0\n")).as("as many as there are").isEqualTo(5);
    virtualFunctions(2);
    assertThat(physical.attribute("sriov_numvfs")).contains("2");
    assertThat(write("sriov_numvfs", "1")).as("not from 2 to 1").isEqualTo(Errno.EBUSY.result());
    // That is asked before vfio-pci is.
    enableSriov("N");
    assertThat(write("sriov_numvfs", "1")).isEqualTo(Errno.EBUSY.result());
    assertThat(write("sriov_numvfs", "0")).isEqualTo(Errno.ENOENT.result());
    enableSriov("Y");
    virtualFunctions(2);
    assertThat(physical.link("virtfn0")).contains(VF_1.toString());
    assertThat(physical.link("virtfn1")).contains(VF_2.toString());
    for (PciAddress address : List.of(VF_1, VF_2)) {
      SysfsDevice function = Lab.sysfs(address);
      assertThat(function.link("physfn")).contains(Lab.SRIOV_NVME.toString());
      // vfio-pci keeps them for itself.
      assertThat(function.driver()).contains(PciDriver.VFIO_PCI);
      assertThat(function.attribute("driver_override")).contains(PciDriver.VFIO_PCI);
      assertThat(Isolation.of(function).kind()).isEqualTo(Isolation.Kind.SINGLETON);
    }
    virtualFunctions(0);
    Refusal.of(Reason.NO_SUCH_DEVICE, () -> Lab.sysfs(VF_1));
    assertThat(physical.link("virtfn0")).isEmpty();
  }

  /** The driver of the host gives its virtual functions to whoever is made for them. */
  @Test
  @Tag("lab")
  void vfioTakesNoFunctionThatHasThem() {
    PciDriver.restore(Lab.KERNEL, Lab.SRIOV_NVME);
    assertThat(physical.driver()).contains("nvme");
    virtualFunctions(1);
    assertThat(Lab.sysfs(VF_1).attribute("driver_override")).contains("(null)");
    VfioException refusal =
        Refusal.of(
            Reason.WRONG_DRIVER,
            () -> PciDriver.bind(Lab.KERNEL, Lab.SRIOV_NVME, PciDriver.VFIO_PCI));
    assertThat(refusal.fact()).contains("none after the probe");
  }

  /**
   * In the order that QEMU wants: its virtual functions do not survive a reset of the physical one,
   * and that is what opening and closing it is.
   */
  @Test
  @Tag("lab")
  void theTokenOfThePhysicalFunction() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup upper = join(Lab.SRIOV_NVME, container)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      try (VfioDevice device = upper.device(Lab.SRIOV_NVME)) {
        virtualFunctions(2);
        try (VfioGroup lower = join(VF_1, container)) {
          // Nobody has said which token it is: it is random.
          Refusal.of(Reason.NO_PERMISSION, Errno.EACCES, () -> lower.device(VF_1));
          VfioException wrong =
              Refusal.of(Reason.NO_PERMISSION, Errno.EACCES, () -> lower.device(VF_1, TOKEN));
          assertThat(wrong.getMessage()).doesNotContain(TOKEN.text());
          assertThat(wrong.hint()).contains("vf_token=");
          assertThat(device.features().has(DeviceFeature.PCI_VF_TOKEN)).isTrue();
          device.features().setVfToken(TOKEN);
          try (VfioDevice function = lower.device(VF_1, TOKEN)) {
            assertThat(function.config().size()).isEqualTo(4096);
            // While it is open the physical function wants the token, too.
            Refusal.of(Reason.NO_PERMISSION, Errno.EACCES, () -> upper.device(Lab.SRIOV_NVME));
            Refusal.of(
                Reason.NO_PERMISSION,
                Errno.EACCES,
                () -> upper.device(Lab.SRIOV_NVME, VfToken.random()));
            upper.device(Lab.SRIOV_NVME, TOKEN).close();
            Refusal.of(Reason.NO_PERMISSION, Errno.EACCES, () -> lower.device(VF_1));
            // A virtual function has no token of its own to set.
            assertThat(function.features().has(DeviceFeature.PCI_VF_TOKEN)).isFalse();
            Refusal.of(
                Reason.NOT_SUPPORTED, Errno.ENOTTY, () -> function.features().setVfToken(TOKEN));
          }
          // Said when the physical function is opened, it is the new one.
          VfToken other = VfToken.random();
          upper.device(Lab.SRIOV_NVME, other).close();
          Refusal.of(Reason.NO_PERMISSION, Errno.EACCES, () -> lower.device(VF_1, TOKEN));
          lower.device(VF_1, other).close();
        } finally {
          virtualFunctions(0);
        }
      }
    }
  }

  @Test
  @Tag("lab")
  void namesThatAreNone() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup upper = join(Lab.SRIOV_NVME, container);
        VfioGroup edu = join(Lab.EDU, container)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      try (VfioDevice device = upper.device(Lab.SRIOV_NVME, TOKEN)) {
        assertThat(device.info().has(DeviceInfo.Flag.PCI)).isTrue();
        virtualFunctions(1);
        try (VfioGroup lower = join(VF_1, container)) {
          for (String options :
              List.of(
                  " token=" + TOKEN.text(),
                  " vf_token=",
                  " vf_token=1-1-1-1-1",
                  " vf_token=zd8d9d2b-5a5f-4f5a-a211-f591514ba1f3",
                  " vf_token=" + TOKEN.text() + " x",
                  " vf_token=" + TOKEN.text() + " vf_token=" + TOKEN.text())) {
            VfioException refusal =
                Refusal.of(
                    Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> lower.device(VF_1 + options));
            assertThat(refusal.getMessage()).doesNotContain("f591514ba1f3");
          }
          // What follows must be set off, or it is another name.
          Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENODEV, () -> lower.device(VF_1 + ",vf_token=1"));
          lower.device(VF_1 + "  vf_token=" + TOKEN.text() + " ").close();
        } finally {
          virtualFunctions(0);
        }
      }
      // Where no token is wanted none is taken.
      Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> edu.device(Lab.EDU, TOKEN));
      edu.device(Lab.EDU + " ").close();
    }
  }

  @Test
  @Tag("lab")
  void theTokenCannotBeRead() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        BoundDevice device =
            VfioCdev.find(Lab.KERNEL, Lab.SRIOV_NVME).open().bind(iommufd, DeviceCookie.of(1))) {
      int token = DeviceFeature.PCI_VF_TOKEN.number();
      int get = VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
      assertThat(RawFeature.call(device, get | token, VfToken.SIZE)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.set(device, DeviceFeature.PCI_VF_TOKEN, VfToken.SIZE - 1))
          .isEqualTo(Errno.EINVAL);
      VfioDeviceFeature set = new VfioDeviceFeature(VfToken.SIZE);
      set.put(VfioDeviceFeature.DATA, TOKEN.bytes());
      assertThat(RawFeature.set(device, DeviceFeature.PCI_VF_TOKEN, set)).isNull();
    }
  }

  /** Before 6.17 a device node asks for no token, and so cannot be opened wrongly. */
  @Test
  @Tag("lab")
  void byItsNode() {
    virtualFunctions(1);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        BoundDevice device =
            VfioCdev.find(Lab.KERNEL, VF_1).open().bind(iommufd, DeviceCookie.of(1))) {
      assertThat(device.config().size()).isEqualTo(4096);
      // It has no interrupt line.
      assertThat(device.config().read8(INTERRUPT_PIN)).isZero();
      assertThat(device.interrupts(VfioPci.INTX).info().count()).isZero();
    }
  }

  /** The first one goes first, and the others stay while somebody has that open. */
  @Test
  @Tag("lab")
  void theyGoInTheirOrder() throws Exception {
    virtualFunctions(2);
    CompletableFuture<Void> gone;
    ExecutorService others = Executors.newCachedThreadPool();
    Future<Integer> again;
    Future<Optional<String>> number;
    try (UnboundDevice first = VfioCdev.find(Lab.KERNEL, VF_1).open()) {
      gone = CompletableFuture.runAsync(() -> virtualFunctions(0));
      Lab.await(() -> Lab.sysfs(VF_1).driver().isEmpty());
      assertThat(Lab.sysfs(VF_1).driver()).isEmpty();
      // Whoever asks for their number, or for another, waits with it.
      again = others.submit(() -> write("sriov_numvfs", "0"));
      number = others.submit(() -> physical.attribute("sriov_numvfs"));
      Thread.sleep(100);
      assertThat(again.isDone()).isFalse();
      assertThat(number.isDone()).isFalse();
      assertThat(Lab.sysfs(VF_2).driver()).contains(PciDriver.VFIO_PCI);
      assertThat(gone.isDone()).isFalse();
      assertThat(first.isClosed()).isFalse();
    }
    gone.get(60, TimeUnit.SECONDS);
    assertThat(again.get(60, TimeUnit.SECONDS)).isEqualTo(1);
    assertThat(number.get(60, TimeUnit.SECONDS)).contains("0");
    others.shutdown();
    Refusal.of(Reason.NO_SUCH_DEVICE, () -> Lab.sysfs(VF_2));
  }
}
