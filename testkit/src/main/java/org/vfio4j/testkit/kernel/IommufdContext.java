// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;
import org.vfio4j.testkit.kernel.UserMemory.PinAccount;
import org.vfio4j.testkit.machine.Machine.Capability;

/** An iommufd: objects with ids. It lives as long as its file or one of its devices is open. */
final class IommufdContext {
  private final Core core;
  private final TreeMap<Integer, IommufdObject> objects = new TreeMap<>();
  private final Map<IommuGroup, IommufdGroup> groups = new HashMap<>();
  private boolean perProcess;
  private boolean noIommu;
  private Ioas compat;
  private int references;

  IommufdContext(Core core) {
    this.core = core;
  }

  void hold() {
    references++;
  }

  void drop() {
    references--;
    if (references == 0) {
      // Users before what they use: page tables have higher ids than what they were made from, or
      // are gone with the last device.
      for (IommufdObject object : new ArrayList<>(objects.values())) {
        object.destroyed();
      }
      objects.values().forEach(core.origins()::given);
      objects.clear();
    }
  }

  /** Gives it the lowest free id from 1 on. */
  void add(IommufdObject object) {
    int id = 1;
    for (int used : objects.keySet()) {
      if (used != id) {
        break;
      }
      id++;
    }
    object.id(id);
    objects.put(id, object);
    core.origins().taken(object);
  }

  void remove(IommufdObject object) {
    objects.remove(object.id());
    core.origins().given(object);
    object.destroyed();
  }

  boolean isEmpty() {
    return objects.isEmpty();
  }

  /** Null where there is none. */
  IommufdObject find(int id) {
    return objects.get(id);
  }

  Ioas ioas(int id) {
    KernelError.refuseIf(!(find(id) instanceof Ioas), Errno.ENOENT);
    return (Ioas) find(id);
  }

  void destroy(int id) {
    IommufdObject object = find(id);
    KernelError.refuseIf(object == null, Errno.ENOENT);
    KernelError.refuseIf(object.isUsed(), Errno.EBUSY);
    remove(object);
  }

  Ioas allocateIoas() {
    Ioas ioas = new Ioas(this, core.memory());
    add(ioas);
    return ioas;
  }

  boolean isPerProcess() {
    return perProcess;
  }

  void perProcess(boolean wanted) {
    perProcess = wanted;
  }

  /** How what is mapped now counts, once it is pinned. */
  PinAccount account() {
    if (core.machine().has(Capability.CAP_IPC_LOCK)) {
      return PinAccount.NONE;
    }
    return perProcess ? PinAccount.PER_PROCESS : PinAccount.PER_USER;
  }

  /** ENODEV without one. */
  Ioas compat() {
    KernelError.refuseIf(compat == null, Errno.ENODEV);
    return compat;
  }

  boolean hasCompat() {
    return compat != null;
  }

  void compat(Ioas chosen) {
    compat = chosen;
  }

  void forget(Ioas destroyed) {
    if (compat == destroyed) {
      compat = null;
    }
  }

  boolean isNoIommu() {
    return noIommu;
  }

  void setNoIommu() {
    noIommu = true;
  }

  /** iommufd_device_bind(). */
  IommufdDevice bind(PciDevice device) {
    IommuGroup group = device.group();
    KernelError.refuseIf(group == null || group.kind() != Kind.IOMMU, Errno.ENODEV);
    group.claimForDevice(this);
    IommufdDevice bound =
        new IommufdDevice(this, device, groups.computeIfAbsent(group, IommufdGroup::new));
    add(bound);
    return bound;
  }

  /** iommufd_access_create(). */
  IommufdAccess access(MdevDevice device) {
    IommufdAccess access = new IommufdAccess(this, device);
    add(access);
    return access;
  }

  /** What every device reserves. */
  List<IovaRange> reserved() {
    return core.machine().reserved();
  }

  /** What the IOMMU cannot translate. */
  List<IovaRange> outOfAperture() {
    int bits = core.machine().iommuBits();
    return bits == Long.SIZE ? Collections.emptyList() : List.of(new IovaRange(1L << bits, -1));
  }
}
