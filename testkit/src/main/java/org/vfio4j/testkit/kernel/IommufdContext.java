// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;
import org.vfio4j.testkit.kernel.UserMemory.PinAccount;
import org.vfio4j.testkit.machine.Machine.Capability;

/** An iommufd: objects with ids. It lives as long as its file or one of its devices is open. */
final class IommufdContext {
  private final Core core;
  private final TreeMap<Integer, IommufdObject> objects = new TreeMap<>();
  private final Map<IommuGroup, BoundGroup> groups = new HashMap<>();
  private final Set<Integer> buried = new HashSet<>();
  private final Map<Long, IommufdWindow> windows = new HashMap<>();
  private boolean perProcess;
  private boolean noIommu;
  private Ioas compat;
  private IommufdObject unfinished;
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
      destroyAll();
    }
  }

  /** What nobody uses first, until nothing is left. */
  private void destroyAll() {
    while (!objects.isEmpty()) {
      int before = objects.size();
      for (IommufdObject object : new ArrayList<>(objects.values())) {
        if (!object.isUsed() && objects.containsKey(object.id())) {
          remove(object);
        }
      }
      if (objects.size() == before) {
        throw new IllegalStateException("objects that use each other: " + objects.values());
      }
    }
    buried.clear();
  }

  /** Gives it the lowest free id from 1 on. */
  void add(IommufdObject object) {
    int id = 1;
    while (objects.containsKey(id) || buried.contains(id)) {
      id++;
    }
    object.id(id);
    objects.put(id, object);
    core.origins().taken(object);
  }

  /** As {@link #add}, but nobody finds it until it is {@link #complete}. */
  void reserve(IommufdObject object) {
    add(object);
    unfinished = object;
  }

  /** iommufd_object_finalize(). */
  void complete(IommufdObject object) {
    unfinished = object == unfinished ? null : unfinished;
  }

  void remove(IommufdObject object) {
    complete(object);
    objects.remove(object.id());
    windows.values().removeIf(window -> window.isOf(object));
    core.origins().given(object);
    object.destroyed();
  }

  /** Lets memory of an object be mapped; gives its offset, which is never 0. */
  long offer(IommufdWindow window) {
    long offset = IommufdWindow.LENGTH;
    while (windows.containsKey(offset)) {
      offset += IommufdWindow.LENGTH;
    }
    windows.put(offset, window);
    return offset;
  }

  /** At an offset; null for none. */
  IommufdWindow window(long offset) {
    return windows.get(offset);
  }

  /** An id that is not given again. */
  void bury(int id) {
    buried.add(id);
  }

  boolean isEmpty() {
    return objects.isEmpty();
  }

  /** Null where there is none. */
  IommufdObject find(int id) {
    IommufdObject object = objects.get(id);
    return object == unfinished ? null : object;
  }

  Ioas ioas(int id) {
    KernelError.refuseIf(!(find(id) instanceof Ioas), Errno.ENOENT);
    return (Ioas) find(id);
  }

  IommufdDevice device(int id) {
    KernelError.refuseIf(!(find(id) instanceof IommufdDevice), Errno.ENOENT);
    return (IommufdDevice) find(id);
  }

  PagingHwpt paging(int id) {
    KernelError.refuseIf(!(find(id) instanceof PagingHwpt), Errno.ENOENT);
    return (PagingHwpt) find(id);
  }

  FaultQueue faultQueue(int id) {
    KernelError.refuseIf(!(find(id) instanceof FaultQueue), Errno.ENOENT);
    return (FaultQueue) find(id);
  }

  /** Whether nothing in any of its spaces belongs to a process. */
  boolean isOfFiles() {
    return objects.values().stream()
        .allMatch(object -> !(object instanceof Ioas ioas) || ioas.isOfFiles());
  }

  Viommu viommu(int id) {
    KernelError.refuseIf(!(find(id) instanceof Viommu), Errno.ENOENT);
    return (Viommu) find(id);
  }

  /**
   * A page table for the IOMMU of a device, not filled yet.
   *
   * @param data null for none
   */
  PagingHwpt makePaging(Ioas ioas, Endpoint device, int flags, UserData data) {
    PagingDomain domain = device.iommu().allocate(device, flags, data);
    boolean parent = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT) != 0;
    PagingHwpt hwpt = new PagingHwpt(this, ioas, domain, parent);
    add(hwpt);
    return hwpt;
  }

  Core core() {
    return core;
  }

  /** Somebody may wait for what has happened. */
  void changed() {
    core.gate().changed();
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
  IommufdDevice bind(Endpoint device) {
    IommuGroup group = device.group();
    boolean software =
        group != null && group.kind() == Kind.NO_IOMMU && core.version().hasNoIommuDeviceNodes();
    boolean isolated = group != null && group.kind() == Kind.IOMMU;
    KernelError.refuseIf(!isolated && !software, Errno.ENODEV);
    group.claimForDevice(this);
    BoundGroup bound = groups.computeIfAbsent(group, BoundGroup::new);
    bound.devices++;
    IommufdDevice idev = new IommufdDevice(this, device, bound.group);
    add(idev);
    return idev;
  }

  /** iommufd_access_create(). */
  IommufdAccess access(MdevDevice device) {
    IommufdAccess access = new IommufdAccess(this, device);
    add(access);
    return access;
  }

  /** A device of the group is bound no more. */
  void leave(IommuGroup group) {
    BoundGroup bound = groups.get(group);
    bound.devices--;
    if (bound.devices == 0) {
      groups.remove(group);
    }
  }

  private static final class BoundGroup {
    private final IommufdGroup group;
    private int devices;

    BoundGroup(IommuGroup group) {
      this.group = new IommufdGroup(group);
    }
  }
}
