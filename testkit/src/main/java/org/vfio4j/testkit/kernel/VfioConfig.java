// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import org.vfio4j.Errno;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Bar;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * The configuration space as vfio-pci lets it be seen: some bits are virtual, some writes do not
 * reach the device.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_config.c}.
 */
final class VfioConfig {
  /** PCI_MSI_FLAGS_QSIZE: how many vectors are used, as a power of 2. */
  private static final int MSI_QUEUE = 0x70;

  private static final int MSI_QUEUE_SHIFT = 4;

  /** PCI_EXP_DEVCTL_PAYLOAD, in the lower byte of the register. */
  private static final int PAYLOAD = 0xe0;

  /** PCI_EXP_DEVCTL_READRQ, PCI_EXP_DEVCTL_BCR_FLR and PCI_EXP_DEVCTL_PHANTOM, in the upper one. */
  private static final int READ_REQUEST = 0x70;

  private static final int FUNCTION_RESET = 0x80;
  private static final int PHANTOM = 0x02;

  /** PCI_EXP_DEVCTL2_ARI. */
  private static final int ARI = 0x20;

  /** As many as there is room for behind the header of the first 256 bytes. */
  private static final int MOST_CAPABILITIES = (256 - ConfigSpace.HEADER_SIZE) / Integer.BYTES;

  private static final int DWORD = 4;
  private static final int BARS_END = ConfigSpace.BAR_0 + DWORD * PciFunction.BARS;

  private final PciDevice pci;
  private final ConfigSpace hardware;
  private final VfioIrqs irqs;
  private final FunctionReset reset;

  /** What the process sees of the bits that are virtual. */
  private final byte[] virtual;

  private final byte[] isVirtual;
  private final byte[] isWritable;

  VfioConfig(PciDevice pci, VfioIrqs irqs, FunctionReset reset) {
    this.pci = pci;
    this.hardware = pci.config();
    this.irqs = irqs;
    this.reset = reset;
    virtual = hardware.content();
    if (pci.isVirtual()) {
      virtual[ConfigSpace.INTERRUPT_PIN] = 0;
    }
    isVirtual = new byte[virtual.length];
    isWritable = new byte[virtual.length];
    Arrays.fill(isWritable, (byte) -1);
    header();
    capabilities();
  }

  private void header() {
    Arrays.fill(isWritable, 0, ConfigSpace.HEADER_SIZE, (byte) 0);
    set(isVirtual, ConfigSpace.VENDOR_ID, 4);
    isVirtual[ConfigSpace.COMMAND + 1] = (byte) (ConfigSpace.COMMAND_INTX_DISABLE >>> Byte.SIZE);
    set(isWritable, ConfigSpace.COMMAND, 2);
    set(isWritable, ConfigSpace.CACHE_LINE_SIZE, 2);
    set(isWritable, ConfigSpace.BIST, 1);
    set(isVirtual, ConfigSpace.BAR_0, DWORD * PciFunction.BARS);
    set(isWritable, ConfigSpace.BAR_0, DWORD * PciFunction.BARS);
    set(isVirtual, ConfigSpace.ROM, DWORD);
    set(isWritable, ConfigSpace.ROM, DWORD);
    set(isVirtual, ConfigSpace.CAPABILITIES, 1);
    set(isVirtual, ConfigSpace.INTERRUPT_LINE, 2);
    set(isWritable, ConfigSpace.INTERRUPT_LINE, 1);
  }

  /**
   * Capabilities are read from the device; of their fields only some of MSI and of PCI Express can
   * be written. A device that was pulled out gives ones, which lead nowhere.
   */
  private void capabilities() {
    int at = hardware.getByte(ConfigSpace.CAPABILITIES) & 0xfc;
    for (int left = MOST_CAPABILITIES; at != 0 && left > 0; left--) {
      int id = hardware.getByte(at);
      int length = ConfigSpace.capabilitySize(id);
      Arrays.fill(isWritable, at, at + length, (byte) 0);
      set(isVirtual, at + 1, 1);
      if (id == ConfigSpace.CAP_MSI) {
        set(isVirtual, at + ConfigSpace.MSI_FLAGS, 1);
        set(isVirtual, at + DWORD, length - DWORD);
        set(isWritable, at + ConfigSpace.MSI_FLAGS, 1);
        set(isWritable, at + DWORD, length - DWORD);
      } else if (id == ConfigSpace.CAP_EXPRESS) {
        int control = at + ConfigSpace.EXPRESS_CONTROL;
        isVirtual[control] = (byte) PAYLOAD;
        isVirtual[control + 1] = (byte) (READ_REQUEST | FUNCTION_RESET);
        isWritable[control] = -1;
        isWritable[control + 1] = (byte) ~PHANTOM;
        isWritable[at + ConfigSpace.EXPRESS_CONTROL_2] = (byte) ~ARI;
        isWritable[at + ConfigSpace.EXPRESS_CONTROL_2 + 1] = -1;
      }
      at = hardware.getByte(at + 1) & 0xfc;
    }
  }

  private static void set(byte[] mask, int offset, int length) {
    Arrays.fill(mask, offset, offset + length, (byte) -1);
  }

  /** What the process believes; memory is reached only while it believes that it is. */
  boolean isMemoryEnabled() {
    // A virtual function has no such bit, and answers always.
    return pci.isVirtual() || (virtual[ConfigSpace.COMMAND] & ConfigSpace.COMMAND_MEMORY) != 0;
  }

  long read(UserPointer target, int length, long offset) {
    check(length, offset);
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      int at = (int) offset + i;
      bytes[i] =
          (byte) ((hardware.getByte(at) & ~isVirtual[at]) | (virtualByte(at) & isVirtual[at]));
    }
    target.put(0, bytes);
    return length;
  }

  long write(UserPointer source, int length, long offset) {
    check(length, offset);
    byte[] bytes = source.get(0, length);
    for (int i = 0; i < length; i++) {
      int at = (int) offset + i;
      int both = isVirtual[at] & isWritable[at];
      virtual[at] = (byte) ((virtual[at] & ~both) | (bytes[i] & both));
      int real = ~isVirtual[at] & isWritable[at];
      if (real != 0) {
        hardware.write(at, (byte) ((hardware.getByte(at) & ~real) | (bytes[i] & real)));
      }
      written(at, bytes[i]);
    }
    return length;
  }

  private void check(int length, long offset) {
    KernelError.refuseIf(
        offset >= virtual.length || offset + length > virtual.length, Errno.EFAULT);
  }

  private void written(int at, byte value) {
    int flags = hardware.msi() + ConfigSpace.MSI_FLAGS;
    if (at == ConfigSpace.COMMAND) {
      int decode = ConfigSpace.COMMAND_MEMORY | ConfigSpace.COMMAND_IO;
      virtual[at] = (byte) ((virtual[at] & ~decode) | (value & decode));
    } else if (at == ConfigSpace.COMMAND + 1) {
      irqs.disableLine(((virtual[at] << Byte.SIZE) & ConfigSpace.COMMAND_INTX_DISABLE) != 0);
    } else if (hardware.msi() != 0 && (at == flags || at == flags - 1)) {
      // vfio_msi_config_write() does it for the byte before them, too.
      msiWritten(flags);
    } else if (hardware.express() != 0
        && at == hardware.express() + ConfigSpace.EXPRESS_CONTROL + 1
        && (virtual[at] & FUNCTION_RESET) != 0) {
      virtual[at] &= (byte) ~FUNCTION_RESET;
      resetFunction();
    }
  }

  private void msiWritten(int flags) {
    // MSI is enabled by VFIO_DEVICE_SET_IRQS.
    if (!irqs.isMsiEnabled()) {
      virtual[flags] &= (byte) ~ConfigSpace.MSI_ENABLE;
    }
    int most = pci.messageQueueMax() << MSI_QUEUE_SHIFT;
    if ((virtual[flags] & MSI_QUEUE) > most) {
      virtual[flags] = (byte) ((virtual[flags] & ~MSI_QUEUE) | most);
    }
    hardware.write(flags, virtual[flags]);
  }

  /** vfio_exp_config_write(): the process is not told whether it came to that. */
  private void resetFunction() {
    if (pci.function().isResettable()) {
      try {
        reset.attempt();
      } catch (KernelError refused) {
        // Somebody unbinds the device.
      }
    }
  }

  private byte virtualByte(int at) {
    if (at >= ConfigSpace.BAR_0 && at < BARS_END) {
      int register = (at - ConfigSpace.BAR_0) / DWORD;
      return (byte) (fixedBar(register) >>> (Byte.SIZE * (at % DWORD)));
    }
    if (at >= ConfigSpace.ROM && at < ConfigSpace.ROM + DWORD) {
      return 0;
    }
    return virtual[at];
  }

  /** What was written, as a register of that size would have it. */
  private int fixedBar(int register) {
    int written = 0;
    for (int i = DWORD - 1; i >= 0; i--) {
      written = (written << Byte.SIZE) | (virtual[ConfigSpace.BAR_0 + DWORD * register + i] & 0xff);
    }
    Bar bar = pci.function().bar(register);
    if (bar != null) {
      return (written & (int) -bar.size()) | ConfigSpace.flags(bar);
    }
    Bar before = register == 0 ? null : pci.function().bar(register - 1);
    return before != null && before.space() == Space.MEMORY_64
        ? written & (int) (-before.size() >>> Integer.SIZE)
        : 0;
  }
}
