// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.device.VfioDeviceTest.refused;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.PciConfigSpace.Capability;
import org.vfio4j.device.uapi.VfioDeviceUapi;

@Timeout(30)
class PciConfigSpaceTest {
  private final byte[] bytes = new byte[4096];
  private final ByteBuffer space = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  private final StubDevice stub = new StubDevice();
  private final VfioDevice device = stub.open();
  private final PciConfigSpace config;

  @AfterEach
  void close() {
    device.close();
  }

  PciConfigSpaceTest() {
    stub.regions.put(VfioPci.CONFIG, bytes);
    config = device.config();
    space.putInt(0, 0x11e81234);
    space.putShort(6, (short) 0x10);
    space.putInt(8, 0x01080203);
    space.put(0x34, (byte) 0x40);
    space.putShort(0x40, (short) 0x5005);
    space.putShort(0x50, (short) 0x0011);
  }

  @Test
  void identifies() {
    space.putInt(0x2c, 0x11001af4);
    assertThat(config.size()).isEqualTo(4096);
    assertThat(config.vendorId()).isEqualTo(0x1234);
    assertThat(config.deviceId()).isEqualTo(0x11e8);
    assertThat(config.revision()).isEqualTo(3);
    assertThat(config.classCode()).isEqualTo(0x010802);
    assertThat(config.subsystemVendorId()).isEqualTo(0x1af4);
    assertThat(config.subsystemId()).isEqualTo(0x1100);
    space.putShort(0, (short) 0xffff);
    assertThat(config.vendorId()).isEqualTo(0xffff);
  }

  @Test
  void readsAndWrites() {
    config.write32(0x10, 0xfedcba98);
    assertThat(config.read32(0x10)).isEqualTo(0xfedcba98);
    config.write16(0x10, 0xffff);
    config.write8(0x13, 0x180);
    assertThat(config.read32(0x10)).isEqualTo(0x80dcffff);
    assertThat(config.read8(0x13)).isEqualTo(0x80);
    refused(Reason.INVALID_ARGUMENT, "CONFIG of 0000:00:05.0", () -> config.read32(4096));
    refused(Reason.INVALID_ARGUMENT, "multiple", () -> config.read16(1));
  }

  @Test
  void changesCommandBits() {
    space.putShort(4, (short) 0x0400);
    config.enableBusMaster(true);
    assertThat(config.isBusMasterEnabled()).isTrue();
    assertThat(config.isMemoryEnabled()).isFalse();
    config.enableMemory(true);
    assertThat(config.command()).isEqualTo(0x0406);
    config.enableBusMaster(false);
    assertThat(config.command()).isEqualTo(0x0402);
    stub.calls.clear();
    config.enableMemory(true);
    assertThat(stub.calls).containsExactly("pread 2");
  }

  @Test
  void walksCapabilities() {
    assertThat(config.capabilities())
        .containsExactly(
            new Capability(PciConfigSpace.PCI_CAP_ID_MSI, 0x40, 0),
            new Capability(PciConfigSpace.PCI_CAP_ID_MSIX, 0x50, 0));
    assertThat(config.findCapability(PciConfigSpace.PCI_CAP_ID_MSIX).orElseThrow().offset())
        .isEqualTo(0x50);
    assertThat(config.findCapability(PciConfigSpace.PCI_CAP_ID_PM)).isEmpty();
    // The two low bits of a pointer mean nothing.
    space.put(0x34, (byte) 0x43);
    assertThat(config.capabilities()).hasSize(2);
    space.putShort(6, (short) 0);
    assertThat(config.capabilities()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0x40, 0x50, 0x10, 0x3c})
  void aChainThatLoopsOrLeavesIsAFault(int next) {
    space.put(0x51, (byte) next);
    refused(Reason.DEVICE_FAULT, "0x11 at 0x50", config::capabilities);
  }

  @Test
  void walksExtendedCapabilities() {
    assertThat(config.extendedCapabilities()).isEmpty();
    // The first one is hidden, as vfio-pci does it: no id, but a next.
    space.putInt(0x100, 0x14000000);
    space.putInt(0x140, 0xffc20010);
    space.putInt(0xffc, 0x00010003);
    assertThat(config.extendedCapabilities())
        .containsExactly(new Capability(0x10, 0x140, 2), new Capability(3, 0xffc, 1));
    assertThat(config.findExtendedCapability(PciConfigSpace.PCI_EXT_CAP_ID_SRIOV)).isPresent();
    space.putInt(0x100, -1);
    assertThat(config.extendedCapabilities()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0x100, 0x140, 0x0fc, 0x040})
  void anExtendedChainThatLoopsOrLeavesIsAFault(int next) {
    space.putInt(0x100, 0x14010001);
    space.putInt(0x140, next << 20 | 0x10002);
    refused(Reason.DEVICE_FAULT, "0x2 at 0x140", config::extendedCapabilities);
  }

  @Test
  void aDeviceThatIsGoneIsAFault() {
    Arrays.fill(bytes, (byte) 0xff);
    refused(Reason.DEVICE_FAULT, "CONFIG of 0000:00:05.0", config::capabilities);
    assertThat(config.extendedCapabilities()).isEmpty();
  }

  @Test
  void aConventionalFunctionHasNoExtendedOnes() {
    stub.regions.put(VfioPci.CONFIG, Arrays.copyOf(bytes, 256));
    PciConfigSpace small = device.config();
    assertThat(small.capabilities()).hasSize(2);
    assertThat(small.extendedCapabilities()).isEmpty();
  }

  @Test
  void onlyPciHasIt() {
    stub.deviceFlags = VfioDeviceUapi.VFIO_DEVICE_FLAGS_PLATFORM;
    try (VfioDevice platform = stub.open()) {
      refused(Reason.NOT_SUPPORTED, "PLATFORM", platform::config);
      assertThat(platform.interrupts(1)).hasToString("irq index 1 of 0000:00:05.0");
    }
  }
}
