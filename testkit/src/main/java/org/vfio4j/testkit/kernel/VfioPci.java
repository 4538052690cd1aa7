// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaBuf;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioRegionDmaRange;
import org.vfio4j.device.uapi.VfioRegionInfo;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Bar;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * An open function: its regions and its interrupts.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_core.c} and {@code vfio_pci_rdwr.c}.
 */
final class VfioPci implements VfioOps, DeviceMemory.Registers {
  private static final int REGIONS = 9;
  private static final int OFFSET_SHIFT = 40;
  private static final long OFFSET_MASK = (1L << OFFSET_SHIFT) - 1;
  private static final int INFO_MIN_SIZE = 16;
  private static final int MSIX_ENTRY = 16;

  /** Of a dma-buf: as many as the kernel has room for, which takes 4 MiB in one piece. */
  private static final int MOST_RANGES = (4 << 20) / VfioRegionDmaRange.SIZEOF;

  private final Core core;
  private final PciDevice pci;
  private final VfioIrqs irqs;
  private final VfioConfig config;
  private final FunctionReset reset;
  private final HotResets hotResets;
  private final IoEventFds ioEventFds;
  private final LowPowerState lowPower;
  private final List<VfioDmaBufFile> dmaBufs = new ArrayList<>();

  /** reset_works: as it was opened. */
  private final boolean resetWorks;

  /** Reads and writes of registers that are under way. */
  private int accesses;

  /** The configuration as the device was opened, for its close: pci_store_saved_state(). */
  private final byte[] saved;

  VfioPci(Core core, PciDevice pci) {
    this.core = core;
    this.pci = pci;
    ConfigSpace hardware = pci.config();
    hardware.setCommand(ConfigSpace.COMMAND_MASTER, false);
    for (int i = 0; i < PciFunction.BARS; i++) {
      Bar bar = pci.function().bar(i);
      if (bar != null) {
        boolean io = bar.space() == Space.IO;
        hardware.setCommand(io ? ConfigSpace.COMMAND_IO : ConfigSpace.COMMAND_MEMORY, true);
      }
    }
    reset = new FunctionReset(core, pci);
    resetWorks = reset.attempt();
    saved = hardware.content();
    hardware.setCommand(ConfigSpace.COMMAND_INTX_DISABLE, false);
    irqs = new VfioIrqs(core, pci);
    config = new VfioConfig(pci, irqs, reset);
    hotResets = new HotResets(core, pci);
    ioEventFds = new IoEventFds(core, pci, config);
    lowPower = new LowPowerState(core);
    if (pci.isVirtual() && pci.physicalToken() != null) {
      pci.physicalToken().use();
    }
  }

  @Override
  public void close() {
    irqs.close();
    dmaBufs.forEach(VfioDmaBufFile::revoke);
    ioEventFds.close();
    lowPower.exit();
    if (pci.isVirtual() && pci.physicalToken() != null) {
      pci.physicalToken().unuse();
    }
    for (int at = 0; at < ConfigSpace.HEADER_SIZE; at++) {
      pci.config().write(at, saved[at]);
    }
    pci.config().setCommand(ConfigSpace.COMMAND_MASTER, false);
    // Who unbinds or removes it has it locked, and the kernel does not wait for that.
    boolean done = resetWorks && !pci.lock().isHeld() && reset.attempt();
    pci.needsReset(!done);
    hotResets.resetUnused();
  }

  @Override
  public void request() {
    irqs.request();
  }

  @Override
  public void wake() {
    lowPower.wake();
  }

  @Override
  public int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioDeviceUapi.VFIO_DEVICE_GET_INFO -> info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO -> regionInfo(argument);
      case VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO -> irqs.info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_SET_IRQS -> {
        return irqs.set(argument);
      }
      case VfioDeviceUapi.VFIO_DEVICE_RESET -> {
        KernelError.refuseIf(!resetWorks, Errno.EINVAL);
        KernelError.refuseIf(!reset.attempt(), Errno.ENOTTY);
      }
      case VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO -> hotResets.info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET -> hotResets.reset(argument);
      case VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD -> ioEventFds.set(argument);
      default -> throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  @Override
  public int feature(UserPointer feature, int flags, int room) {
    int number = flags & VfioDeviceUapi.VFIO_DEVICE_FEATURE_MASK;
    boolean hasLowPower = core.version().isAtLeast(6, 1);
    if (number == VfioDeviceUapi.VFIO_DEVICE_FEATURE_PCI_VF_TOKEN) {
      token(feature, flags, room);
    } else if (hasLowPower && number == VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY) {
      lowPower.enter(flags, room);
    } else if (hasLowPower
        && number == VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP) {
      lowPower.enterWithWakeup(feature, flags, room);
    } else if (hasLowPower && number == VfioDeviceUapi.VFIO_DEVICE_FEATURE_LOW_POWER_EXIT) {
      lowPower.exit(flags, room);
    } else if (core.version().isAtLeast(6, 19)
        && number == VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_BUF) {
      return dmaBuf(feature, flags, room);
    } else {
      throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  /** vfio_pci_core_feature_dma_buf(): gives a descriptor. */
  private int dmaBuf(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(!core.machine().hasPeerToPeer(), Errno.EOPNOTSUPP);
    int get = VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
    if (!DeviceFeatures.check(flags, room, get, VfioDeviceFeatureDmaBuf.SIZEOF)) {
      return 0;
    }
    int data = VfioDeviceFeature.DATA;
    feature.get(data, VfioDeviceFeatureDmaBuf.SIZEOF);
    int count = feature.getInt(data + VfioDeviceFeatureDmaBuf.NR_RANGES);
    boolean wrong = count == 0 || feature.getInt(data + VfioDeviceFeatureDmaBuf.FLAGS) != 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    int index = feature.getInt(data + VfioDeviceFeatureDmaBuf.REGION_INDEX);
    boolean noBar = Integer.compareUnsigned(index, VfioDeviceUapi.VFIO_PCI_ROM_REGION_INDEX) >= 0;
    KernelError.refuseIf(noBar, Errno.ENODEV);
    KernelError.refuseIf(Integer.compareUnsigned(count, MOST_RANGES) > 0, Errno.ENOMEM);
    int first = data + VfioDeviceFeatureDmaBuf.DMA_RANGES;
    // All of them are read before the first is looked at.
    feature.get(first, count * VfioRegionDmaRange.SIZEOF);
    long total = 0;
    List<IovaRange> ranges = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int at = first + i * VfioRegionDmaRange.SIZEOF;
      long offset = feature.getLong(at + VfioRegionDmaRange.OFFSET);
      long length = feature.getLong(at + VfioRegionDmaRange.LENGTH);
      boolean misaligned = ((offset | length) & (UserMemory.PAGE - 1)) != 0 || length == 0;
      KernelError.refuseIf(misaligned, Errno.EINVAL);
      long end = offset + length;
      KernelError.refuseIf(Long.compareUnsigned(end, offset) < 0, Errno.EOVERFLOW);
      KernelError.refuseIf(Long.compareUnsigned(end, size(index)) > 0, Errno.EINVAL);
      total += length;
      KernelError.refuseIf(total < 0, Errno.EOVERFLOW);
      ranges.add(new IovaRange(offset, end - 1));
    }
    VfioDmaBufFile file = new VfioDmaBufFile(this, index, ranges);
    int fd = core.files().add(file);
    dmaBufs.add(file);
    return fd;
  }

  private void token(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(pci.token() == null, Errno.ENOTTY);
    if (DeviceFeatures.check(flags, room, VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET, VfToken.SIZE)) {
      pci.token().set(feature.get(VfioDeviceFeature.DATA, VfToken.SIZE));
    }
  }

  private void info(UserPointer info) {
    int argsz = info.argsz(INFO_MIN_SIZE);
    int resettable = resetWorks ? VfioDeviceUapi.VFIO_DEVICE_FLAGS_RESET : 0;
    InfoReply capabilities = new InfoReply(core.version());
    if (core.version().isAtLeast(6, 5) && completedAtomics() != 0) {
      capabilities.add(
          VfioDeviceUapi.VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP, 1, completedAtomics(), 0);
    }
    NativeBlock reply = new NativeBlock(VfioDeviceInfo.SIZEOF);
    reply.putInt(VfioDeviceInfo.ARGSZ, argsz);
    reply.putInt(VfioDeviceInfo.FLAGS, VfioDeviceUapi.VFIO_DEVICE_FLAGS_PCI | resettable);
    reply.putInt(VfioDeviceInfo.NUM_REGIONS, REGIONS);
    reply.putInt(VfioDeviceInfo.NUM_IRQS, VfioIrqs.INDEXES);
    // The last word came as padding, with the alignment of capabilities.
    boolean isPadded = core.version().alignsCapabilities();
    int size = isPadded ? VfioDeviceInfo.SIZEOF : VfioDeviceInfo.CAP_OFFSET + Integer.BYTES;
    int told = (int) Math.min(Integer.toUnsignedLong(argsz), size);
    info.put(0, reply.get(0, told));
    capabilities.put(
        info,
        argsz,
        VfioDeviceInfo.SIZEOF,
        VfioDeviceInfo.CAP_OFFSET,
        VfioDeviceUapi.VFIO_DEVICE_FLAGS_CAPS);
  }

  /** vfio_pci_info_atomic_cap(): what both the function and its root port complete. */
  private int completedAtomics() {
    PciFunction function = pci.physicalFunction().function();
    String bridge = pci.bridgePath();
    PciDevice port = core.device(bridge.substring(bridge.lastIndexOf('/') + 1));
    boolean can = function.isExpress() && port != null && port.isOnRootBus();
    return can ? function.completedAtomics() & port.function().completedAtomics() : 0;
  }

  private void regionInfo(UserPointer info) {
    int argsz = info.argsz(VfioRegionInfo.SIZEOF);
    int index = info.getInt(VfioRegionInfo.INDEX);
    boolean wrong = Integer.compareUnsigned(index, VfioDeviceUapi.VFIO_PCI_VGA_REGION_INDEX) >= 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long size = size(index);
    int flags =
        size == 0
            ? 0
            : VfioDeviceUapi.VFIO_REGION_INFO_FLAG_READ
                | VfioDeviceUapi.VFIO_REGION_INFO_FLAG_WRITE;
    InfoReply capabilities = new InfoReply(core.version());
    if (isMappable(index)) {
      flags |= VfioDeviceUapi.VFIO_REGION_INFO_FLAG_MMAP;
      if (pci.function().msixVectors() > 0 && pci.function().msixBar() == index) {
        capabilities.add(VfioDeviceUapi.VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1);
      }
    }
    info.putInt(VfioRegionInfo.FLAGS, flags);
    info.putLong(VfioRegionInfo.SIZE, size);
    info.putLong(VfioRegionInfo.OFFSET, (long) index << OFFSET_SHIFT);
    capabilities.put(
        info,
        argsz,
        VfioRegionInfo.SIZEOF,
        VfioRegionInfo.CAP_OFFSET,
        VfioDeviceUapi.VFIO_REGION_INFO_FLAG_CAPS);
  }

  private long size(int index) {
    if (index == VfioDeviceUapi.VFIO_PCI_CONFIG_REGION_INDEX) {
      return pci.config().size();
    }
    Bar bar = index < PciFunction.BARS ? pci.function().bar(index) : null;
    return bar == null ? 0 : bar.size();
  }

  private boolean isMappable(int index) {
    return pci.function().mappableBars().contains(index);
  }

  @Override
  public long read(UserPointer target, int length, long offset) {
    return transfer(target, length, offset, false);
  }

  @Override
  public long write(UserPointer source, int length, long offset) {
    return transfer(source, length, offset, true);
  }

  private long transfer(UserPointer user, int length, long offset, boolean write) {
    if (length == 0) {
      return 0;
    }
    int index = (int) (offset >>> OFFSET_SHIFT);
    long position = offset & OFFSET_MASK;
    // That of VGA is known, and is nowhere.
    KernelError.refuseIf(
        index < 0 || index > VfioDeviceUapi.VFIO_PCI_VGA_REGION_INDEX, Errno.EINVAL);
    lowPower.wake();
    if (index == VfioDeviceUapi.VFIO_PCI_CONFIG_REGION_INDEX) {
      return write ? config.write(user, length, position) : config.read(user, length, position);
    }
    long size = size(index);
    KernelError.refuseIf(position >= size, Errno.EINVAL);
    return registers(index, user, (int) Math.min(length, size - position), position, write);
  }

  /** In accesses as wide as they can be. */
  private long registers(int bar, UserPointer user, int length, long start, boolean write) {
    boolean memory = pci.function().bar(bar).space() != Space.IO;
    int widest = memory ? core.version().widestRegionAccess() : Integer.BYTES;
    for (int done = 0; done < length; ) {
      long at = start + done;
      int left = length - done;
      int hidden = hidden(bar, at, left);
      if (hidden > 0) {
        if (!write) {
          byte[] nothing = new byte[hidden];
          Arrays.fill(nothing, (byte) -1);
          user.put(done, nothing);
        }
        done += hidden;
        continue;
      }
      int width = widest;
      while (width > left || at % width != 0 || (width > 1 && hidden(bar, at + width - 1, 1) > 0)) {
        width /= 2;
      }
      KernelError.refuseIf(memory && !config.isMemoryEnabled(), Errno.EIO);
      accesses++;
      try {
        if (write) {
          pci.model().write(bar, at, width, value(user.get(done, width)));
        } else {
          user.put(done, bytes(pci.model().read(bar, at, width), width));
        }
      } finally {
        accesses--;
      }
      done += width;
    }
    return length;
  }

  /** Whether a read or a write is under way, which holds {@code memory_lock}. */
  boolean isAccessed() {
    return accesses > 0;
  }

  /**
   * How many bytes from {@code at} on belong to the table of MSI-X, which is not for the process.
   */
  private int hidden(int bar, long at, int length) {
    PciFunction function = pci.function();
    if (function.msixVectors() == 0 || function.msixBar() != bar) {
      return 0;
    }
    long end = function.msixTable() + (long) function.msixVectors() * MSIX_ENTRY;
    return at >= function.msixTable() && at < end ? (int) Math.min(length, end - at) : 0;
  }

  private static long value(byte[] bytes) {
    ByteBuffer value = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    value.put(0, bytes);
    return value.getLong(0);
  }

  private static byte[] bytes(long value, int width) {
    byte[] bytes = new byte[width];
    for (int i = 0; i < width; i++) {
      bytes[i] = (byte) (value >>> (Byte.SIZE * i));
    }
    return bytes;
  }

  @Override
  public MappedMemory mmap(OpenFile file, long offset, long length, int protection, int flags) {
    int index = (int) (offset >>> OFFSET_SHIFT);
    long start = offset & OFFSET_MASK;
    boolean wrong =
        offset < 0
            || (flags & Linux.MAP_SHARED) == 0
            || index >= VfioDeviceUapi.VFIO_PCI_ROM_REGION_INDEX
            || !isMappable(index)
            || start + length > size(index);
    KernelError.refuseIf(wrong, Errno.EINVAL);
    return new DeviceMemory(core, this, file, index, start, length, protection, pci.name());
  }

  @Override
  public boolean isAnswering() {
    return config.isMemoryEnabled() && !lowPower.isEngaged();
  }

  @Override
  public long load(int bar, long offset, int width) {
    return pci.model().read(bar, offset, width);
  }

  @Override
  public void store(int bar, long offset, int width, long value) {
    pci.model().write(bar, offset, width, value);
  }
}
