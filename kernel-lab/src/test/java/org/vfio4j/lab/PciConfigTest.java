// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.PciConfigSpace;
import org.vfio4j.device.PciConfigSpace.Capability;
import org.vfio4j.device.Region;
import org.vfio4j.device.VfioPci;
import org.vfio4j.linux.PciAddress;

/** The configuration space, against the one that sysfs shows. */
class PciConfigTest {
  private static final int BAR_0 = 0x10;
  private static final int INTERRUPT_LINE = 0x3c;

  // The register of PCI Express that is called so, and what is in it.
  private static final int DEVICE_CONTROL = 0x08;
  private static final int PAYLOAD = 0x00e0;
  private static final int READ_REQUEST = 0x7000;
  private static final int FUNCTION_RESET = 0x8000;

  /** A register of an NVMe controller, and the sizes of queues in it. */
  private static final int NVME_CC = 0x14;

  private static final int QUEUE_SIZES = 0x46_0000;

  @EveryGroupMode
  void ids(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      PciConfigSpace config = edu.device().config();
      assertThat(config.vendorId()).isEqualTo(0x1234);
      assertThat(config.deviceId()).isEqualTo(0x11e8);
      assertThat(config.revision()).isEqualTo(0x10);
      assertThat(config.classCode()).isEqualTo(0x00ff00);
      assertThat(config.subsystemVendorId()).isEqualTo(0x1af4);
      assertThat(config.subsystemId()).isEqualTo(0x1100);
      assertThat(config.size()).isEqualTo(256);
    }
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      PciConfigSpace config = nvme.device().config();
      assertThat(config.vendorId()).isEqualTo(0x1b36);
      assertThat(config.deviceId()).isEqualTo(0x0010);
      assertThat(config.classCode()).isEqualTo(0x010802);
      assertThat(config.size()).isEqualTo(4096);
    }
  }

  @EveryGroupMode
  void capabilitiesAreThoseOfTheDevice(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      PciConfigSpace config = edu.device().config();
      assertThat(config.capabilities()).isEqualTo(standard(sysfs(Lab.EDU)));
      assertThat(config.findCapability(PciConfigSpace.PCI_CAP_ID_MSI)).isPresent();
      assertThat(config.findCapability(PciConfigSpace.PCI_CAP_ID_MSIX)).isEmpty();
      assertThat(config.extendedCapabilities()).isEmpty();
    }
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      PciConfigSpace config = nvme.device().config();
      ByteBuffer sysfs = sysfs(Lab.NVME);
      assertThat(config.capabilities()).isEqualTo(standard(sysfs));
      assertThat(config.capabilities())
          .extracting(Capability::id)
          .contains(
              PciConfigSpace.PCI_CAP_ID_PM,
              PciConfigSpace.PCI_CAP_ID_EXP,
              PciConfigSpace.PCI_CAP_ID_MSIX);
      assertThat(config.extendedCapabilities()).isEqualTo(extended(sysfs));
      Capability msix = config.findCapability(PciConfigSpace.PCI_CAP_ID_MSIX).orElseThrow();
      int tableSize = (config.read16(msix.offset() + 2) & 0x7ff) + 1;
      assertThat(tableSize).isEqualTo(nvme.device().interrupts(VfioPci.MSIX).info().count());
    }
  }

  @EveryGroupMode
  void commandRegister(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      PciConfigSpace config = edu.device().config();
      int before = config.command();
      assertThat(config.isMemoryEnabled()).isTrue();
      assertThat(config.isBusMasterEnabled()).isFalse();
      assertThat(sysfs(Lab.EDU).getShort(4) & PciConfigSpace.PCI_COMMAND_MASTER).isZero();
      config.enableBusMaster(true);
      assertThat(config.isBusMasterEnabled()).isTrue();
      assertThat(sysfs(Lab.EDU).getShort(4) & PciConfigSpace.PCI_COMMAND_MASTER)
          .as("in the device itself")
          .isNotZero();
      config.changeCommand(PciConfigSpace.PCI_COMMAND_INTX_DISABLE, true);
      assertThat(config.command())
          .isEqualTo(
              before | PciConfigSpace.PCI_COMMAND_INTX_DISABLE | PciConfigSpace.PCI_COMMAND_MASTER);
      config.changeCommand(PciConfigSpace.PCI_COMMAND_INTX_DISABLE, false);
      config.enableBusMaster(false);
      assertThat(config.command()).isEqualTo(before);
    }
  }

  /** How a program asks for the size of a BAR; the device's own register stays as it is. */
  @EveryGroupMode
  void writesThatVfioKeepsToItself(VfioMode mode) {
    int bar = sysfs(Lab.EDU).getInt(BAR_0);
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      PciConfigSpace config = edu.device().config();
      int before = config.read32(BAR_0);
      config.write32(BAR_0, -1);
      assertThat(config.read32(BAR_0) & ~0xf).isEqualTo(-(1 << 20));
      config.write32(BAR_0, before);
      assertThat(config.read32(BAR_0)).isEqualTo(before);
      config.write8(INTERRUPT_LINE, 0x5a);
      assertThat(config.read8(INTERRUPT_LINE)).isEqualTo(0x5a);
      // The vendor id cannot be written at all.
      config.write16(0, 0x4242);
      assertThat(config.vendorId()).isEqualTo(0x1234);
      assertThat(edu.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(Edu.IDENTITY);
    }
    assertThat(sysfs(Lab.EDU).getInt(BAR_0)).isEqualTo(bar);
  }

  /** PCI Express: the program sees the sizes that it writes, and the device does not. */
  @EveryGroupMode
  void deviceControl(VfioMode mode) {
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      PciConfigSpace config = nvme.device().config();
      int express = config.findCapability(PciConfigSpace.PCI_CAP_ID_EXP).orElseThrow().offset();
      int control = express + DEVICE_CONTROL;
      int before = config.read16(control);
      int hardware = sysfs(Lab.NVME).getShort(control);
      int written = (before & ~(PAYLOAD | READ_REQUEST)) | 0x5020;
      config.write16(control, written);
      assertThat(config.read16(control)).isEqualTo(written);
      assertThat(sysfs(Lab.NVME).getShort(control) & PAYLOAD).isEqualTo(hardware & PAYLOAD);

      // A reset of the function, which the bit does not show.
      Region registers = nvme.device().region(VfioPci.BAR0);
      registers.putIntLe(NVME_CC, QUEUE_SIZES);
      assertThat(registers.getIntLe(NVME_CC)).isEqualTo(QUEUE_SIZES);
      config.write16(control, written | FUNCTION_RESET);
      assertThat(config.read16(control)).isEqualTo(written);
      assertThat(registers.getIntLe(NVME_CC)).isZero();
      assertThat(config.isMemoryEnabled()).isTrue();
      config.write16(control, before);
    }
  }

  /** A write that ends where the flags of MSI begin writes them, too, as the program saw them. */
  @EveryGroupMode
  void theBytesBeforeTheFlagsOfMsi(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      PciConfigSpace config = edu.device().config();
      int msi = config.findCapability(PciConfigSpace.PCI_CAP_ID_MSI).orElseThrow().offset();
      for (boolean one : new boolean[] {false, true}) {
        try (Interrupts interrupts = edu.device().interrupts(VfioPci.MSI).enable(1)) {
          assertThat(sysfs(Lab.EDU).get(msi + 2) & 1).isOne();
          config.write8(msi, 0);
          config.write8(msi + 3, 0);
          assertThat(sysfs(Lab.EDU).get(msi + 2) & 1).isOne();
          if (one) {
            config.write8(msi + 1, 0);
          } else {
            config.write16(msi, 0);
          }
          assertThat(sysfs(Lab.EDU).get(msi + 2) & 1).isZero();
          assertThat(interrupts.isClosed()).isFalse();
        }
      }
    }
  }

  private static ByteBuffer sysfs(PciAddress address) {
    byte[] config = Lab.KERNEL.readFile(Lab.sysfs(address).path() + "/config").value();
    return ByteBuffer.wrap(config).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static List<Capability> standard(ByteBuffer config) {
    List<Capability> found = new ArrayList<>();
    for (int at = config.get(0x34) & 0xfc; at != 0; at = config.get(at + 1) & 0xfc) {
      found.add(new Capability(config.get(at) & 0xff, at, 0));
    }
    return found;
  }

  private static List<Capability> extended(ByteBuffer config) {
    List<Capability> found = new ArrayList<>();
    for (int at = 0x100; at != 0; at = config.getInt(at) >>> 20 & 0xffc) {
      int header = config.getInt(at);
      if ((header & 0xffff) != 0) {
        found.add(new Capability(header & 0xffff, at, header >>> 16 & 0xf));
      }
    }
    return found;
  }
}
