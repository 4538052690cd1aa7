// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.Isolation;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;

/**
 * An open group, made up from what sysfs shows and from the nodes of its devices.
 *
 * <p>Being in a container means to own the DMA of all its devices. A group has a file for that;
 * device nodes have their binding. So one device of the group is bound to the container's iommufd
 * for as long as the group is in the container, and attached for as long as that has an IOMMU: one
 * that a caller has open, or else any.
 *
 * <p>Source of the rules: {@code drivers/vfio/group.c}, where the checks are in the same order.
 */
final class BridgedGroup extends BridgedFile {
  private static final String TOKEN = "vf_token=";

  private final int number;
  private final boolean noIommu;
  private final boolean mediated;
  private final boolean shared;
  private final String path;
  private final GroupMembers members;

  /** Those that are bound, by name. */
  private final Map<String, BridgedDevice> bound = new LinkedHashMap<>();

  private BridgedContainer container;
  private boolean fileOpen = true;

  private BridgedGroup(
      CompatBridge bridge, int number, String path, GroupMembers members, Isolation.Kind kind) {
    super(bridge);
    this.number = number;
    this.path = path;
    this.noIommu = kind == Isolation.Kind.NONE;
    this.mediated = kind == Isolation.Kind.MEDIATED;
    this.shared = kind == Isolation.Kind.SHARED;
    this.members = members;
  }

  /**
   * Looks for the group; nothing is opened that stays open.
   *
   * @param noIommu whether the path is that of a group without IOMMU
   */
  static BridgedGroup find(CompatBridge bridge, int number, String path, boolean noIommu)
      throws BridgeRefusal {
    GroupMembers members = new GroupMembers(bridge.below(), bridge.policy(), number);
    String first = members.first();
    BridgeRefusal.refuseIf(first == null, Errno.ENOENT);
    Isolation.Kind kind = members.isolation(first).kind();
    BridgeRefusal.refuseIf((kind == Isolation.Kind.NONE) != noIommu, Errno.ENOENT);
    BridgedGroup group = new BridgedGroup(bridge, number, path, members, kind);
    // Whether the nodes can be had is known now, and not only when they are bound.
    Kernel below = bridge.below();
    String node = members.node(first);
    BridgeRefusal.refuseIf(node == null, Errno.ENODEV);
    int fd = below.open(node, Linux.O_RDWR);
    if (Errno.ENOENT.is(fd)) {
      throw noIommu ? noNode(path, first) : noNodes(path, node);
    }
    BridgeRefusal.check(fd);
    below.close(fd);
    return group;
  }

  /** A group of the kernel's, whose device is bound, but has nothing that could be opened here. */
  private static BridgeRefusal noNode(String path, String member) {
    return BridgeRefusal.of(
        Errno.ENOENT,
        new Explanation(
            Reason.NO_IOMMU,
            "no IOMMU is in front of " + member + ", and it has no device node for " + path,
            "no release before about Linux 7.3 has device nodes without an IOMMU; open the group without"
                + " a bridge"));
  }

  /** A kernel that has the device in VFIO, but no node for it. */
  private static BridgeRefusal noNodes(String path, String node) {
    return BridgeRefusal.of(
        Errno.ENOENT,
        new Explanation(
            Reason.NOT_IN_KERNEL,
            "there is no " + node + ", which serves " + path + " here",
            "it needs Linux 6.6 or later with CONFIG_VFIO_DEVICE_CDEV; without it, open the group"
                + " without a bridge"));
  }

  int number() {
    return number;
  }

  /** A group without an IOMMU: its devices do what they like. */
  boolean isNoIommu() {
    return noIommu;
  }

  /** Whether it has more than one device, which the IOMMU cannot tell apart. */
  boolean isShared() {
    return shared;
  }

  /** Whether the IOMMU keeps its devices apart from the rest, so that they can be owned. */
  boolean isReal() {
    return !noIommu && !mediated;
  }

  @Override
  String path() {
    return path;
  }

  @Override
  int ioctl(int fd, int request, UserArgument argument) throws BridgeRefusal {
    switch (request) {
      case VfioGroupUapi.VFIO_GROUP_GET_STATUS -> {
        status(argument);
      }
      case VfioGroupUapi.VFIO_GROUP_SET_CONTAINER -> {
        join(argument.getInt(0));
      }
      case VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER -> {
        leave();
      }
      case VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD -> {
        return open(argument.text(bridge().pageSize()));
      }
      default -> {
        bridge().tally().refused(null, LegacyCall.OTHER, "a group has no ioctl " + request);
        throw BridgeRefusal.of(Errno.ENOTTY);
      }
    }
    return 0;
  }

  /** Of the container that it is in; null where there is none, or that has no IOMMU. */
  synchronized VfioMode mode() {
    return container == null ? null : container.mode();
  }

  private Cause made(LegacyCall call) {
    return bridge().tally().made(mode(), call);
  }

  private synchronized void status(UserArgument argument) throws BridgeRefusal {
    made(LegacyCall.GROUP_GET_STATUS);
    NativeBlock status = argument.read(0, VfioGroupStatus.SIZEOF);
    int argsz = status.getInt(VfioGroupStatus.ARGSZ);
    BridgeRefusal.refuseIf(
        Integer.compareUnsigned(argsz, VfioGroupStatus.SIZEOF) < 0, Errno.EINVAL);
    members.someNodes();
    int flags = 0;
    if (container != null) {
      flags = VfioGroupUapi.VFIO_GROUP_FLAGS_CONTAINER_SET | VfioGroupUapi.VFIO_GROUP_FLAGS_VIABLE;
    } else {
      Explanation against = againstUse();
      if (against == null) {
        flags = VfioGroupUapi.VFIO_GROUP_FLAGS_VIABLE;
      } else {
        bridge().explain(against);
      }
    }
    status.putInt(VfioGroupStatus.FLAGS, flags);
    argument.write(0, status);
  }

  /** Null for no reason: never one for a group that no IOMMU keeps apart, which nobody owns. */
  private Explanation againstUse() throws BridgeRefusal {
    return isReal() ? members.againstUse() : null;
  }

  private synchronized void join(int fd) throws BridgeRefusal {
    BridgedFile file = bridge().files().find(fd);
    VfioMode mode = file instanceof BridgedContainer other ? other.mode() : null;
    Cause cause = bridge().tally().made(mode, LegacyCall.GROUP_SET_CONTAINER);
    // Closed by another thread meanwhile, it would stay in the container for ever.
    BridgeRefusal.refuseIf(!fileOpen || (file == null && !bridge().isOpen(fd)), Errno.EBADF);
    BridgeRefusal.refuseIf(container != null, Errno.EINVAL);
    members.someNodes();
    if (!(file instanceof BridgedContainer joined)) {
      throw BridgeRefusal.of(
          Errno.EBADFD,
          new Explanation(
              Reason.INVALID_ARGUMENT,
              "the file is no container of the bridge",
              "open /dev/vfio/vfio through the bridge; a program that has an iommufd already binds"
                  + " the device to it by its node"));
    }
    Explanation against = againstUse();
    if (against != null) {
      bridge().tally().refused(mode, LegacyCall.GROUP_SET_CONTAINER, against.fact());
      throw BridgeRefusal.of(Errno.EPERM, against);
    }
    joined.join(cause, this);
    container = joined;
  }

  /** Takes the group's DMA, for a container: by binding one device to its iommufd. */
  void claim(Cause cause, int iommufd) throws BridgeRefusal {
    if (isReal()) {
      Map.Entry<String, String> first = members.someNodes().entrySet().iterator().next();
      bind(cause, iommufd, first.getKey(), first.getValue());
    }
  }

  /** Lets go of all devices, none of which is open any more. */
  void release(Cause cause) {
    for (BridgedDevice device : bound.values()) {
      bridge().calls().close(cause, device.fd());
    }
    bound.clear();
  }

  List<BridgedDevice> bound() {
    return new ArrayList<>(bound.values());
  }

  private BridgedDevice bind(Cause cause, int iommufd, String name, String node)
      throws BridgeRefusal {
    DeviceCentric calls = bridge().calls();
    int fd = calls.openNode(cause, node);
    int devId;
    try {
      devId = calls.bind(cause, fd, iommufd);
    } catch (BridgeRefusal e) {
      calls.close(cause, fd);
      throw e.is(Errno.EINVAL) || e.is(Errno.EBUSY) ? inUse(e, node) : e;
    }
    BridgedDevice device = new BridgedDevice(this, name, fd, devId, bridge().nextCookie());
    bound.put(name, device);
    return device;
  }

  /** A node that another file has bound is EINVAL; a group that is in use is EBUSY. */
  private BridgeRefusal inUse(BridgeRefusal refusal, String node) {
    Kernel below = bridge().below();
    String file = FileHolders.of(below, node).isEmpty() ? path : node;
    if (FileHolders.of(below, file).isEmpty()) {
      return refusal;
    }
    return BridgeRefusal.of(
        Errno.EBUSY,
        new Explanation(
            Reason.IN_USE,
            FileHolders.describe(below, file),
            "a group goes to one user, by its own file or by the nodes of its devices: stop the"
                + " other one first"));
  }

  private synchronized void leave() throws BridgeRefusal {
    Cause cause = made(LegacyCall.GROUP_UNSET_CONTAINER);
    BridgeRefusal.refuseIf(container == null, Errno.EINVAL);
    BridgeRefusal.refuseIf(hasOpenDevices(), Errno.EBUSY);
    leaveContainer(cause);
  }

  private void leaveContainer(Cause cause) {
    BridgedContainer left = container;
    container = null;
    left.leave(cause, this);
  }

  private boolean hasOpenDevices() {
    return bound.values().stream().anyMatch(BridgedDevice::isOpen);
  }

  private synchronized int open(String text) throws BridgeRefusal {
    Cause cause = made(LegacyCall.GROUP_GET_DEVICE_FD);
    int blank = text.indexOf(' ');
    String name = blank < 0 ? text : text.substring(0, blank);
    String node = members.node(name);
    BridgeRefusal.refuseIf(node == null, Errno.ENODEV);
    if (blank >= 0) {
      refuseOptions(text.substring(blank + 1));
    }
    BridgeRefusal.refuseIf(container == null || !container.hasIommu(), Errno.EINVAL);
    BridgedDevice device = bound.get(name);
    if (device == null) {
      device = bind(cause, container.iommufd(), name, node);
      try {
        container.attach(cause, device);
      } catch (BridgeRefusal e) {
        unbind(cause, device);
        throw e;
      }
    }
    int fd = bridge().below().dup(device.fd());
    if (fd < 0) {
      letGo(cause, device);
      BridgeRefusal.check(fd);
    }
    device.fileOpened();
    bridge().files().add(fd, new BridgedDeviceFile(bridge(), cause.mode(), device));
    return fd;
  }

  private void refuseOptions(String options) throws BridgeRefusal {
    if (options.startsWith(TOKEN)) {
      throw BridgeRefusal.of(
          Errno.EINVAL,
          new Explanation(
              Reason.NOT_SUPPORTED,
              "a device node takes a token when it is bound, from Linux 6.17 on",
              "open the device by its node, or through the kernel's own group API"));
    }
    throw BridgeRefusal.of(Errno.EINVAL);
  }

  private void unbind(Cause cause, BridgedDevice device) {
    bound.remove(device.name());
    bridge().calls().close(cause, device.fd());
  }

  /** A caller has closed a file of the device, not necessarily the last. */
  synchronized void fileClosed(BridgedDevice device) {
    Cause cause = made(LegacyCall.CLOSE_DEVICE);
    device.fileClosed();
    letGo(cause, device);
  }

  synchronized void mapped(BridgedDevice device) {
    device.mapped();
  }

  synchronized void unmapped(BridgedDevice device) {
    device.unmapped();
    letGo(new Cause(mode(), LegacyCall.CLOSE_DEVICE), device);
  }

  /**
   * Closes a device that no caller has open, as it would be closed if it had come from a group: its
   * interrupts end, and the driver resets it. Then the group needs a device to be owned by.
   */
  private void letGo(Cause cause, BridgedDevice device) {
    if (device.isOpen() || bound.get(device.name()) != device) {
      return;
    }
    unbind(cause, device);
    if (!fileOpen && !hasOpenDevices()) {
      end(cause);
    } else if (isReal() && bound.isEmpty()) {
      try {
        String node = members.node(device.name());
        BridgeRefusal.refuseIf(node == null, Errno.ENODEV);
        BridgedDevice again = bind(cause, container.iommufd(), device.name(), node);
        container.attach(cause, again);
      } catch (BridgeRefusal e) {
        // The device is gone, or somebody else was quicker: the next open of it will tell.
        bridge().tally().refused(cause.mode(), cause.call(), "the group is owned no longer");
      }
    }
  }

  /** The file is closed; the group ends now or, where devices are open, with them. */
  @Override
  void released() {
    synchronized (this) {
      Cause cause = made(LegacyCall.CLOSE_GROUP);
      fileOpen = false;
      if (!hasOpenDevices()) {
        end(cause);
      }
    }
  }

  private void end(Cause cause) {
    if (container != null) {
      leaveContainer(cause);
    }
    bridge().groupEnded(this);
  }
}
