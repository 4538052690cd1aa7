// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevParent;
import org.vfio4j.mdev.MdevType;

/** What mediated devices can be made of: the parents of the kernel's samples, and their types. */
@Tag("lab")
@Tag("mdev")
class MdevTypesTest {
  private final MdevBus bus = MdevBus.of(Lab.KERNEL);

  @Test
  void parentsOfTheSamples() {
    assertThat(bus.isThere()).isTrue();
    assertThat(bus.parents())
        .extracting(MdevParent::name)
        .containsExactly("mbochs", "mdpy", "mtty");
    MdevParent mtty = bus.parent("mtty");
    assertThat(mtty.path()).isEqualTo("/sys/devices/virtual/mtty/mtty");
    assertThat(mtty.busName()).contains("mtty");
    assertThat(mtty).isEqualTo(bus.findParent("mtty").orElseThrow());
    VfioException refusal = Refusal.of(Reason.NO_SUCH_DEVICE, () -> bus.parent("0000:00:05.0"));
    assertThat(refusal.fact()).isEqualTo("the parents are mbochs, mdpy, mtty");
  }

  @Test
  void typesOfTheSamples() {
    assertThat(bus.parents().stream().flatMap(parent -> parent.types().stream()).map(this::line))
        .containsExactlyInAnyOrder(
            "mbochs mbochs-large vfio-pci 4 mbochs-large: virtual display, 64 MB video memory",
            "mbochs mbochs-medium vfio-pci 16 mbochs-medium: virtual display, 16 MB video memory",
            "mbochs mbochs-small vfio-pci 64 mbochs-small: virtual display, 4 MB video memory",
            "mdpy mdpy-hd vfio-pci 4 mdpy-hd: virtual display, 1920x1080 framebuffer",
            "mdpy mdpy-vga vfio-pci 4 mdpy-vga: virtual display, 640x480 framebuffer",
            "mdpy mdpy-xga vfio-pci 4 mdpy-xga: virtual display, 1024x768 framebuffer",
            "mtty mtty-1 vfio-pci 24 Single port serial: none",
            "mtty mtty-2 vfio-pci 12 Dual port serial: none");
    Refusal.of(Reason.NO_SUCH_DEVICE, () -> bus.parent("mtty").type("mtty-3"));
    assertThat(bus.parent("mtty").findType("mtty-3")).isEmpty();
  }

  private String line(MdevType type) {
    return String.join(
        " ",
        type.parent().name(),
        type.name(),
        type.deviceApi(),
        Integer.toString(type.availableInstances()),
        type.prettyName() + ": " + type.description().orElse("none"));
  }

  /** Types of a parent share what it has. */
  @Test
  void instancesThatAreLeft() {
    MdevType single = bus.parent("mtty").type("mtty-1");
    MdevType dual = bus.parent("mtty").type("mtty-2");
    Mdev mdev = dual.create();
    assertThat(dual.availableInstances()).isEqualTo(11);
    assertThat(single.availableInstances()).isEqualTo(22);
    mdev.remove();
    assertThat(single.availableInstances()).isEqualTo(24);

    MdevParent mdpy = bus.parent("mdpy");
    Mdev display = mdpy.type("mdpy-vga").create();
    assertThat(mdpy.types()).extracting(MdevType::availableInstances).containsOnly(3);
    display.remove();

    MdevParent mbochs = bus.parent("mbochs");
    Mdev large = mbochs.type("mbochs-large").create();
    assertThat(mbochs.types()).extracting(MdevType::availableInstances).containsExactly(3, 12, 48);
    large.remove();
  }

  @Test
  void listsAndLookups() {
    MdevType single = bus.parent("mtty").type("mtty-1");
    MdevType vga = bus.parent("mdpy").type("mdpy-vga");
    UUID given = UUID.fromString("00000000-0000-4000-8000-00000000abcd");
    Mdev first = single.create(given);
    Mdev second = single.create();
    Mdev display = vga.create();
    try {
      assertThat(first.uuid()).isEqualTo(given);
      assertThat(bus.devices()).containsExactlyInAnyOrder(first, second, display);
      assertThat(single.devices()).containsExactlyInAnyOrder(first, second);
      assertThat(bus.parent("mdpy").devices()).containsExactly(display);
      assertThat(bus.parent("mtty").type("mtty-2").devices()).isEmpty();
      assertThat(bus.device(given)).isEqualTo(first);
      assertThat(bus.device(given).type()).isEqualTo(single);
      assertThat(bus.device(given).parent().name()).isEqualTo("mtty");
      assertThat(first.path()).isEqualTo("/sys/devices/virtual/mtty/mtty/" + given);
      assertThat(first.exists()).isTrue();
    } finally {
      List.of(first, second, display).forEach(Mdev::remove);
    }
    assertThat(first.exists()).isFalse();
    assertThat(bus.find(given)).isEmpty();
    Refusal.of(Reason.NO_SUCH_DEVICE, () -> bus.device(given));
    Refusal.of(Reason.NO_SUCH_DEVICE, first::sysfs);
  }

  @Test
  void attributesOfTheVendor() {
    Mdev serial = bus.parent("mtty").type("mtty-1").create();
    Mdev display = bus.parent("mdpy").type("mdpy-xga").create();
    Mdev adapter = bus.parent("mbochs").type("mbochs-medium").create();
    try {
      assertThat(serial.attributes()).containsExactly("vendor/sample_mdev_dev");
      assertThat(serial.attribute("vendor/sample_mdev_dev"))
          .isEqualTo("This is MDEV " + serial.uuid());
      assertThat(display.attributes()).containsExactly("vendor/resolution");
      assertThat(display.attribute("vendor/resolution")).isEqualTo("1024x768");
      assertThat(adapter.attribute("vendor/memory")).isEqualTo("16 MB");
      Refusal.of(
          Reason.NO_PERMISSION, () -> display.setAttribute("vendor/resolution", "1920x1080"));
      VfioException missing =
          Refusal.of(Reason.NOT_SUPPORTED, () -> display.setAttribute("vendor/colour", "blue"));
      assertThat(missing.fact()).contains("vendor/resolution");
      Refusal.of(Reason.INVALID_ARGUMENT, null, () -> display.setAttribute("../remove", "1"));
      Refusal.of(Reason.INVALID_ARGUMENT, null, () -> display.attribute("mdev_type/name"));
      Refusal.of(Reason.NO_PERMISSION, () -> display.attribute("remove"));
    } finally {
      List.of(serial, display, adapter).forEach(Mdev::remove);
    }
    Refusal.of(Reason.NO_SUCH_DEVICE, () -> display.attribute("vendor/resolution"));
  }
}
