// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciDependentDevice;
import org.vfio4j.device.uapi.VfioPciHotReset;
import org.vfio4j.device.uapi.VfioPciHotResetInfo;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.NativeBlock;

/**
 * Reset of a slot or bus, as devices of groups know it, by the ownership of the iommufd.
 *
 * <p>A caller shows by the files of all groups concerned that all devices that the reset hits are
 * its own; an iommufd knows that by itself. The caller's files are checked as the kernel would,
 * then the kernel below checks what it knows.
 *
 * <p>Source of the rules: {@code vfio_pci_ioctl_get_pci_hot_reset_info()} and what is around it in
 * {@code drivers/vfio/pci/vfio_pci_core.c}.
 */
final class BridgedHotReset {
  private static final int MOST_DEVICES = 256;

  private final CompatBridge bridge;
  private final VfioMode mode;
  private final int device;

  BridgedHotReset(CompatBridge bridge, VfioMode mode, int device) {
    this.bridge = bridge;
    this.mode = mode;
    this.device = device;
  }

  /** VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: devices by their groups, not by their ids. */
  void info(UserArgument argument) throws BridgeRefusal {
    Cause cause = bridge.tally().made(mode, LegacyCall.DEVICE_GET_PCI_HOT_RESET_INFO);
    int argsz = argument.getInt(VfioPciHotResetInfo.ARGSZ);
    BridgeRefusal.refuseIf(
        Integer.compareUnsigned(argsz, VfioPciHotResetInfo.SIZEOF) < 0, Errno.EINVAL);
    int room =
        (int)
            Math.min(
                MOST_DEVICES,
                (Integer.toUnsignedLong(argsz) - VfioPciHotResetInfo.SIZEOF)
                    / VfioPciDependentDevice.SIZEOF);
    NativeBlock info = block(room);
    int result = below(cause, info);
    int count = info.getInt(VfioPciHotResetInfo.COUNT);
    if (result < 0 && !Errno.ENOSPC.is(result)) {
      throw BridgeRefusal.of(Errno.ofResult(result));
    }
    argument.putInt(VfioPciHotResetInfo.FLAGS, 0);
    argument.putInt(VfioPciHotResetInfo.COUNT, count);
    BridgeRefusal.refuseIf(result < 0, Errno.ENOSPC);
    for (int i = 0; i < count; i++) {
      int at = VfioPciHotResetInfo.SIZEOF + i * VfioPciDependentDevice.SIZEOF;
      NativeBlock entry = new NativeBlock(VfioPciDependentDevice.SIZEOF);
      entry.put(0, info.get(at, VfioPciDependentDevice.SIZEOF));
      entry.putInt(VfioPciDependentDevice.GROUP_ID, group(entry));
      argument.write(at, entry);
    }
  }

  /** VFIO_DEVICE_PCI_HOT_RESET: what the groups were needed for, the iommufd knows. */
  void reset(UserArgument argument) throws BridgeRefusal {
    Cause cause = bridge.tally().made(mode, LegacyCall.DEVICE_PCI_HOT_RESET);
    NativeBlock reset = argument.read(0, VfioPciHotReset.SIZEOF);
    int argsz = reset.getInt(VfioPciHotReset.ARGSZ);
    boolean wrong =
        Integer.compareUnsigned(argsz, VfioPciHotReset.SIZEOF) < 0
            || reset.getInt(VfioPciHotReset.FLAGS) != 0;
    BridgeRefusal.refuseIf(wrong, Errno.EINVAL);
    List<Integer> affected = affected(cause);
    int count = reset.getInt(VfioPciHotReset.COUNT);
    BridgeRefusal.refuseIf(
        count == 0 || Integer.compareUnsigned(count, affected.size()) > 0, Errno.EINVAL);
    Set<Integer> given = new HashSet<>();
    for (int i = 0; i < count; i++) {
      int fd = argument.getInt(VfioPciHotReset.SIZEOF + i * Integer.BYTES);
      BridgedFile file = bridge.files().find(fd);
      BridgeRefusal.refuseIf(file == null && !bridge.isOpen(fd), Errno.EBADF);
      BridgeRefusal.refuseIf(!(file instanceof BridgedGroup), Errno.EINVAL);
      given.add(((BridgedGroup) file).number());
    }
    BridgeRefusal.refuseIf(!given.containsAll(affected), Errno.EINVAL);
    bridge.tally().count(cause, DeviceCall.VFIO_DEVICE_PCI_HOT_RESET);
    NativeBlock owned = new NativeBlock(VfioPciHotReset.SIZEOF);
    owned.putInt(VfioPciHotReset.ARGSZ, VfioPciHotReset.SIZEOF);
    int result = bridge.below().ioctl(device, VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET, owned);
    if (Errno.EINVAL.is(result)) {
      throw BridgeRefusal.of(
          Errno.EINVAL,
          new Explanation(
              Reason.NOT_VIABLE,
              "the reset hits a device that is not bound to the iommufd of this one's container",
              "put all groups that the reset hits into one container"));
    }
    BridgeRefusal.check(result);
  }

  private NativeBlock block(int room) {
    int size = VfioPciHotResetInfo.SIZEOF + room * VfioPciDependentDevice.SIZEOF;
    NativeBlock info = new NativeBlock(size);
    info.putInt(VfioPciHotResetInfo.ARGSZ, size);
    return info;
  }

  private int below(Cause cause, NativeBlock info) {
    bridge.tally().count(cause, DeviceCall.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO);
    return bridge.below().ioctl(device, VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
  }

  /** The groups of the devices that the reset hits, one for each device. */
  private List<Integer> affected(Cause cause) throws BridgeRefusal {
    NativeBlock info = block(MOST_DEVICES);
    BridgeRefusal.check(below(cause, info));
    List<Integer> groups = new ArrayList<>();
    for (int i = 0; i < info.getInt(VfioPciHotResetInfo.COUNT); i++) {
      int at = VfioPciHotResetInfo.SIZEOF + i * VfioPciDependentDevice.SIZEOF;
      NativeBlock entry = new NativeBlock(VfioPciDependentDevice.SIZEOF);
      entry.put(0, info.get(at, VfioPciDependentDevice.SIZEOF));
      groups.add(group(entry));
    }
    return groups;
  }

  /** EPERM for a device without a group, as the kernel says. */
  private int group(NativeBlock entry) throws BridgeRefusal {
    int devfn = Byte.toUnsignedInt(entry.getByte(VfioPciDependentDevice.DEVFN));
    String address =
        String.format(
            "%04x:%02x:%02x.%d",
            Short.toUnsignedInt(entry.getShort(VfioPciDependentDevice.SEGMENT)),
            Byte.toUnsignedInt(entry.getByte(VfioPciDependentDevice.BUS)),
            devfn >> 3,
            devfn & 7);
    try {
      OptionalInt group = SysfsDevice.pci(bridge.below(), PciAddress.of(address)).iommuGroup();
      BridgeRefusal.refuseIf(group.isEmpty(), Errno.EPERM);
      return group.getAsInt();
    } catch (VfioException e) {
      throw BridgeRefusal.of(Errno.EAGAIN);
    }
  }
}
