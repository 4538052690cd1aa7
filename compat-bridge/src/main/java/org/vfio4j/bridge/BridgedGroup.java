// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.Isolation.Member;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.SysfsDevice;
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
  private static final Pattern NODE = Pattern.compile("(noiommu-)?vfio[0-9]{1,10}");
  private static final String TOKEN = "vf_token=";

  private final int number;
  private final boolean noIommu;
  private final boolean mediated;
  private final boolean shared;
  private final String path;
  private final String folder;

  /** Those that are bound, by name. */
  private final Map<String, BridgedDevice> bound = new LinkedHashMap<>();

  private BridgedContainer container;
  private boolean fileOpen = true;

  private BridgedGroup(CompatBridge bridge, int number, String path, Isolation.Kind kind) {
    super(bridge);
    this.number = number;
    this.path = path;
    this.noIommu = kind == Isolation.Kind.NONE;
    this.mediated = kind == Isolation.Kind.MEDIATED;
    this.shared = kind == Isolation.Kind.SHARED;
    this.folder = folder(bridge, number);
  }

  /**
   * Looks for the group; nothing is opened that stays open.
   *
   * @param noIommu whether the path is that of a group without IOMMU
   */
  static BridgedGroup find(CompatBridge bridge, int number, String path, boolean noIommu)
      throws BridgeRefusal {
    String folder = folder(bridge, number);
    List<String> members = list(bridge, folder);
    String first = null;
    for (String member : members) {
      if (first == null && !list(bridge, folder + "/" + member + "/vfio-dev").isEmpty()) {
        first = member;
      }
    }
    BridgeRefusal.refuseIf(first == null, Errno.ENOENT);
    Isolation.Kind kind = isolation(bridge, folder + "/" + first).kind();
    BridgeRefusal.refuseIf((kind == Isolation.Kind.NONE) != noIommu, Errno.ENOENT);
    BridgedGroup group = new BridgedGroup(bridge, number, path, kind);
    // Whether the nodes can be had is known now, and not only when they are bound.
    Kernel below = bridge.below();
    String node = group.node(first);
    BridgeRefusal.refuseIf(node == null, Errno.ENODEV);
    int fd = below.open(node, Linux.O_RDWR);
    if (noIommu && Errno.ENOENT.is(fd)) {
      throw noNode(path, first);
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

  private static String folder(CompatBridge bridge, int number) {
    return bridge.roots().sys("kernel/iommu_groups/" + number + "/devices");
  }

  /** Where there is no such folder there is nothing in it; where it cannot be seen is no answer. */
  private static List<String> list(CompatBridge bridge, String folder) throws BridgeRefusal {
    Result<List<String>> names = bridge.below().list(folder);
    if (Errno.EMFILE.is(names.code()) || Errno.ENFILE.is(names.code())) {
      throw BridgeRefusal.of(names.errno());
    }
    return names.orElse(List.of());
  }

  private static Isolation isolation(CompatBridge bridge, String device) throws BridgeRefusal {
    try {
      return Isolation.of(SysfsDevice.at(bridge.below(), device));
    } catch (VfioException e) {
      throw BridgeRefusal.of(
          e.errno().orElse(Errno.ENODEV), new Explanation(e.reason(), e.fact(), e.hint()));
    }
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
        bridge().tally().count(null, LegacyCall.GROUP_GET_STATUS);
        status(argument);
      }
      case VfioGroupUapi.VFIO_GROUP_SET_CONTAINER -> {
        bridge().tally().count(null, LegacyCall.GROUP_SET_CONTAINER);
        join(argument.getInt(0));
      }
      case VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER -> {
        bridge().tally().count(null, LegacyCall.GROUP_UNSET_CONTAINER);
        leave();
      }
      case VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD -> {
        bridge().tally().count(null, LegacyCall.GROUP_GET_DEVICE_FD);
        return open(argument.text(bridge().pageSize()));
      }
      default -> {
        bridge().tally().refused(null, LegacyCall.OTHER, "a group has no ioctl " + request);
        throw BridgeRefusal.of(Errno.ENOTTY);
      }
    }
    return 0;
  }

  private synchronized void status(UserArgument argument) throws BridgeRefusal {
    NativeBlock status = argument.read(0, VfioGroupStatus.SIZEOF);
    int argsz = status.getInt(VfioGroupStatus.ARGSZ);
    BridgeRefusal.refuseIf(
        Integer.compareUnsigned(argsz, VfioGroupStatus.SIZEOF) < 0, Errno.EINVAL);
    BridgeRefusal.refuseIf(devices().isEmpty(), Errno.ENODEV);
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

  /** The members that VFIO has, by name. */
  private Map<String, String> devices() throws BridgeRefusal {
    Map<String, String> devices = new LinkedHashMap<>();
    for (String member : list(bridge(), folder)) {
      String node = node(member);
      if (node != null) {
        devices.put(member, node);
      }
    }
    return devices;
  }

  /** The path of a member's node; null where VFIO does not have the member. */
  private String node(String member) throws BridgeRefusal {
    for (String name : list(bridge(), folder + "/" + member + "/vfio-dev")) {
      if (NODE.matcher(name).matches()) {
        return bridge().roots().dev("vfio/devices/" + name);
      }
    }
    return null;
  }

  /** Why the group is not to be used: by its members' drivers, or by policy; null for no reason. */
  private Explanation againstUse() throws BridgeRefusal {
    if (!isReal()) {
      return null;
    }
    Map<String, String> devices = devices();
    BridgeRefusal.refuseIf(devices.isEmpty(), Errno.ENODEV);
    Isolation isolation = isolation(bridge(), folder + "/" + devices.keySet().iterator().next());
    List<Member> blockers = isolation.blockers();
    String members =
        isolation.members().stream().map(Member::toString).collect(Collectors.joining(", "));
    if (!blockers.isEmpty()) {
      return new Explanation(
          Reason.NOT_VIABLE,
          "group " + number + " is not viable: it has " + members,
          PciDriver.howToBind(blockers.stream().map(Member::name).toList())
              + "; no driver at all will do as well");
    }
    if (isolation.kind() == Isolation.Kind.SHARED && !bridge().policy().allowsShared()) {
      return new Explanation(
          Reason.NOT_VIABLE,
          "group "
              + number
              + " is shared: it has "
              + members
              + ", and the policy "
              + bridge().policy()
              + " bridges devices that are alone in their group",
          "AssignmentPolicy."
              + AssignmentPolicy.STAGE_2
              + " takes all of them into one address space, "
              + AssignmentPolicy.STAGE_1_OR_GROUPS
              + " uses the kernel's own group API for them");
    }
    return null;
  }

  private synchronized void join(int fd) throws BridgeRefusal {
    BridgedFile file = bridge().files().find(fd);
    BridgeRefusal.refuseIf(file == null && !bridge().isOpen(fd), Errno.EBADF);
    BridgeRefusal.refuseIf(container != null, Errno.EINVAL);
    BridgeRefusal.refuseIf(devices().isEmpty(), Errno.ENODEV);
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
      bridge().tally().refused(null, LegacyCall.GROUP_SET_CONTAINER, against.fact());
      throw BridgeRefusal.of(Errno.EPERM, against);
    }
    joined.join(this);
    container = joined;
  }

  /** Takes the group's DMA, for a container: by binding one device to its iommufd. */
  void claim(int iommufd) throws BridgeRefusal {
    if (isReal()) {
      Map<String, String> devices = devices();
      BridgeRefusal.refuseIf(devices.isEmpty(), Errno.ENODEV);
      Map.Entry<String, String> first = devices.entrySet().iterator().next();
      bind(LegacyCall.GROUP_SET_CONTAINER, iommufd, first.getKey(), first.getValue());
    }
  }

  /** Lets go of all devices, none of which is open any more. */
  void release(LegacyCall cause) {
    for (BridgedDevice device : bound.values()) {
      bridge().calls().close(cause, device.fd());
    }
    bound.clear();
  }

  List<BridgedDevice> bound() {
    return new ArrayList<>(bound.values());
  }

  private BridgedDevice bind(LegacyCall cause, int iommufd, String name, String node)
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
    BridgeRefusal.refuseIf(container == null, Errno.EINVAL);
    BridgeRefusal.refuseIf(hasOpenDevices(), Errno.EBUSY);
    leaveContainer(LegacyCall.GROUP_UNSET_CONTAINER);
  }

  private void leaveContainer(LegacyCall cause) {
    BridgedContainer left = container;
    container = null;
    left.leave(cause, this);
  }

  private boolean hasOpenDevices() {
    return bound.values().stream().anyMatch(BridgedDevice::isOpen);
  }

  private synchronized int open(String text) throws BridgeRefusal {
    int blank = text.indexOf(' ');
    String name = blank < 0 ? text : text.substring(0, blank);
    String node = list(bridge(), folder).contains(name) ? node(name) : null;
    BridgeRefusal.refuseIf(node == null, Errno.ENODEV);
    if (blank >= 0) {
      refuseOptions(text.substring(blank + 1));
    }
    BridgeRefusal.refuseIf(container == null || !container.hasIommu(), Errno.EINVAL);
    BridgedDevice device = bound.get(name);
    if (device == null) {
      device = bind(LegacyCall.GROUP_GET_DEVICE_FD, container.iommufd(), name, node);
      try {
        container.attach(LegacyCall.GROUP_GET_DEVICE_FD, device);
      } catch (BridgeRefusal e) {
        unbind(LegacyCall.GROUP_GET_DEVICE_FD, device);
        throw e;
      }
    }
    int fd = bridge().below().dup(device.fd());
    if (fd < 0) {
      letGo(device);
      BridgeRefusal.check(fd);
    }
    device.fileOpened();
    bridge().files().add(fd, new BridgedDeviceFile(bridge(), device));
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

  private void unbind(LegacyCall cause, BridgedDevice device) {
    bound.remove(device.name());
    bridge().calls().close(cause, device.fd());
  }

  /** A caller has closed a file of the device, not necessarily the last. */
  synchronized void fileClosed(BridgedDevice device) {
    device.fileClosed();
    letGo(device);
  }

  synchronized void mapped(BridgedDevice device) {
    device.mapped();
  }

  synchronized void unmapped(BridgedDevice device) {
    device.unmapped();
    letGo(device);
  }

  /**
   * Closes a device that no caller has open, as it would be closed if it had come from a group: its
   * interrupts end, and the driver resets it. Then the group needs a device to be owned by.
   */
  private void letGo(BridgedDevice device) {
    if (device.isOpen()) {
      return;
    }
    unbind(LegacyCall.CLOSE_DEVICE, device);
    if (!fileOpen && !hasOpenDevices()) {
      end(LegacyCall.CLOSE_DEVICE);
    } else if (isReal() && bound.isEmpty()) {
      try {
        String node = node(device.name());
        BridgeRefusal.refuseIf(node == null, Errno.ENODEV);
        BridgedDevice again =
            bind(LegacyCall.CLOSE_DEVICE, container.iommufd(), device.name(), node);
        container.attach(LegacyCall.CLOSE_DEVICE, again);
      } catch (BridgeRefusal e) {
        // The device is gone, or somebody else was quicker: the next open of it will tell.
        bridge().tally().refused(null, LegacyCall.CLOSE_DEVICE, "the group is owned no longer");
      }
    }
  }

  /** The file is closed; the group ends now or, where devices are open, with them. */
  @Override
  void released() {
    synchronized (this) {
      bridge().tally().count(null, LegacyCall.CLOSE_GROUP);
      fileOpen = false;
      if (!hasOpenDevices()) {
        end(LegacyCall.CLOSE_GROUP);
      }
    }
  }

  private void end(LegacyCall cause) {
    if (container != null) {
      leaveContainer(cause);
    }
    bridge().groupEnded(this);
  }
}
