// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciDependentDevice;
import org.vfio4j.device.uapi.VfioPciHotReset;
import org.vfio4j.device.uapi.VfioPciHotResetInfo;
import org.vfio4j.linux.PciAddress;

/**
 * Resets of a bus with all that is on it. There are no slots with a reset of their own, as in a
 * kernel without PCI hotplug.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_core.c}, where the checks are in the same order.
 */
final class HotResets {
  private final Core core;
  private final PciDevice pci;

  HotResets(Core core, PciDevice pci) {
    this.core = core;
    this.pci = pci;
  }

  private VfioDevice opened() {
    return pci.vfio();
  }

  void info(UserPointer info) {
    int argsz = info.argsz(VfioPciHotResetInfo.SIZEOF);
    KernelError.refuseIf(pci.isOnRootBus(), Errno.ENODEV);
    List<PciDevice> affected = affected();
    int room =
        Integer.divideUnsigned(argsz - VfioPciHotResetInfo.SIZEOF, VfioPciDependentDevice.SIZEOF);
    if (affected.size() > room) {
      info.putInt(VfioPciHotResetInfo.FLAGS, 0);
      info.putInt(VfioPciHotResetInfo.COUNT, affected.size());
      throw KernelError.of(Errno.ENOSPC);
    }
    boolean byDevice = opened().isOpenedFromNode();
    boolean owned = byDevice;
    List<Integer> ids = new ArrayList<>();
    for (PciDevice device : affected) {
      if (byDevice) {
        int id = devId(device);
        owned &= id != VfioDeviceUapi.VFIO_PCI_DEVID_NOT_OWNED;
        ids.add(id);
      } else {
        KernelError.refuseIf(device.group() == null, Errno.EPERM);
        ids.add(device.group().number());
      }
    }
    for (int i = 0; i < affected.size(); i++) {
      int at = VfioPciHotResetInfo.DEVICES + i * VfioPciDependentDevice.SIZEOF;
      PciAddress address = PciAddress.of(affected.get(i).name());
      info.putInt(at + VfioPciDependentDevice.DEVID, ids.get(i));
      info.putShort(at + VfioPciDependentDevice.SEGMENT, (short) address.domain());
      byte[] place = {(byte) address.bus(), (byte) address.devfn()};
      info.put(at + VfioPciDependentDevice.BUS, place);
    }
    info.putInt(VfioPciHotResetInfo.COUNT, affected.size());
    info.putInt(
        VfioPciHotResetInfo.FLAGS,
        (byDevice ? VfioDeviceUapi.VFIO_PCI_HOT_RESET_FLAG_DEV_ID : 0)
            | (owned ? VfioDeviceUapi.VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED : 0));
  }

  void reset(UserPointer reset) {
    reset.argsz(VfioPciHotReset.SIZEOF);
    int count = reset.getInt(VfioPciHotReset.COUNT);
    boolean wrong =
        reset.getInt(VfioPciHotReset.FLAGS) != 0 || (count != 0) == opened().isOpenedFromNode();
    KernelError.refuseIf(wrong, Errno.EINVAL);
    KernelError.refuseIf(pci.isOnRootBus(), Errno.ENODEV);
    List<PciDevice> affected = affected();
    List<VfioGroup> groups = groups(reset, count, affected.size());
    for (PciDevice device : affected) {
      KernelError.refuseIf(!isInSet(device), Errno.EINVAL);
    }
    for (PciDevice device : affected) {
      // vfio_pci_dev_set_pm_runtime_get(): even if it is refused then.
      if (device.vfio().opened() != null) {
        device.vfio().opened().wake();
      }
    }
    for (PciDevice device : affected) {
      boolean owned =
          count == 0
              ? devId(device) != VfioDeviceUapi.VFIO_PCI_DEVID_NOT_OWNED
              : groups.contains(device.vfio().group());
      KernelError.refuseIf(!owned, Errno.EINVAL);
      boolean accessed = device.vfio().opened() instanceof VfioPci open && open.isAccessed();
      KernelError.refuseIf(accessed, Errno.EBUSY);
    }
    KernelError.refuseIf(!resetBus(affected), Errno.EAGAIN);
  }

  /**
   * vfio_pci_dev_set_try_reset(): the last of a set that is closed, where one of it could not be
   * reset alone.
   */
  void resetUnused() {
    if (pci.isOnRootBus()) {
      return;
    }
    List<PciDevice> affected = affected();
    boolean unused =
        affected.stream()
            .allMatch(
                device -> isInSet(device) && (device == pci || device.vfio().opened() == null));
    boolean needed = affected.stream().anyMatch(PciDevice::needsReset);
    if (unused && needed && resetBus(affected)) {
      affected.forEach(device -> device.needsReset(false));
    }
  }

  /** pci_reset_bus(): false where somebody has one of them locked, for whom it does not wait. */
  private static boolean resetBus(List<PciDevice> affected) {
    if (affected.stream().anyMatch(device -> device.lock().isHeld())) {
      return false;
    }
    affected.forEach(device -> device.model().reset());
    // reset_done() of their drivers.
    affected.forEach(device -> device.vfio().features().reset());
    return true;
  }

  private List<VfioGroup> groups(UserPointer reset, int count, int most) {
    KernelError.refuseIf(Integer.compareUnsigned(count, most) > 0, Errno.EINVAL);
    List<VfioGroup> groups = new ArrayList<>();
    reset.get(VfioPciHotReset.GROUP_FDS, count * Integer.BYTES);
    for (int i = 0; i < count; i++) {
      int fd = reset.getInt(VfioPciHotReset.GROUP_FDS + i * Integer.BYTES);
      OpenFile file = core.files().get(fd);
      KernelError.refuseIf(!(file instanceof GroupFile), Errno.EINVAL);
      groups.add(((GroupFile) file).group());
    }
    return groups;
  }

  /** pci_walk_bus(): all on the bus, each with what is behind it. */
  private List<PciDevice> affected() {
    List<PciDevice> found = new ArrayList<>();
    walk(pci.bridgePath(), found);
    return found;
  }

  private void walk(String bridge, List<PciDevice> found) {
    for (PciDevice device : core.devices()) {
      if (device.bridgePath().equals(bridge)) {
        found.add(device);
        walk(device.path(), found);
      }
    }
  }

  /** Functions of one bus share a reset, and so what VFIO calls a set; a virtual one does not. */
  private boolean isInSet(PciDevice device) {
    boolean sameBus = device.bridgePath().equals(pci.bridgePath());
    boolean same = device == pci || (!device.isVirtual() && !pci.isVirtual());
    return device.vfio() != null && sameBus && same;
  }

  /** vfio_iommufd_get_dev_id(), as the process is told. */
  private int devId(PciDevice device) {
    if (!isInSet(device)) {
      return VfioDeviceUapi.VFIO_PCI_DEVID_NOT_OWNED;
    }
    IommufdContext context = opened().context();
    if (device.vfio().context() == context) {
      return device.vfio().devId();
    }
    return device.group() != null && device.group().isOwnedBy(context)
        ? VfioDeviceUapi.VFIO_PCI_DEVID_OWNED
        : VfioDeviceUapi.VFIO_PCI_DEVID_NOT_OWNED;
  }
}
