// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.device.DeviceModel;
import org.vfio4j.testkit.device.MediatedDriver;

/**
 * The machine under a fake kernel, and the process that runs on it: devices, IOMMU, limits.
 *
 * <p>As it is made: an IOMMU of 39 bits with x86's window for interrupt messages, no devices, and a
 * privileged process.
 */
public final class Machine {
  /** Where x86 has the addresses that devices write interrupt messages to. */
  public static final IovaRange MSI_WINDOW = new IovaRange(0xfee0_0000L, 0xfeef_ffffL);

  /** What the fake kernel asks for. */
  public enum Capability {
    CAP_DAC_OVERRIDE(1),
    CAP_IPC_LOCK(14),
    CAP_SYS_RAWIO(17),
    CAP_SYS_ADMIN(21),
    CAP_SYS_RESOURCE(24);

    private final int bit;

    Capability(int bit) {
      this.bit = bit;
    }

    /** In the masks of {@code /proc/self/status}. */
    public int bit() {
      return bit;
    }
  }

  private final List<MachineDevice> devices = new ArrayList<>();
  private final List<MachineParent> parents = new ArrayList<>();
  private final List<IovaRange> reserved = new ArrayList<>(List.of(MSI_WINDOW));
  private final Set<Capability> capabilities = EnumSet.allOf(Capability.class);
  private int iommuBits = 39;
  private long memlock = Long.MAX_VALUE;
  private int dmaEntryLimit = 65535;
  private int openFiles = 1 << 20;
  private int user;
  private int group;
  private final Map<String, NodeAccess> nodes = new HashMap<>();
  private boolean deviceNodes = true;
  private boolean iommufd = true;
  private boolean noIommuMode;
  private boolean iommufdTest;
  private final MachineIommu iommu = new MachineIommu();
  private boolean dynamicMsix = true;
  private boolean runtimePowerManagement;
  private boolean peerToPeer = true;
  private int systemFiles = Integer.MAX_VALUE;

  /** Adds a device at a PCI address: {@code 0000:00:05.0}. */
  public MachineDevice device(String address, DeviceModel model) {
    MachineDevice device = new MachineDevice(PciAddress.of(address), model);
    if (devices.stream().anyMatch(other -> other.address().equals(device.address()))) {
      throw new IllegalArgumentException("there is a device at " + address + " already");
    }
    devices.add(device);
    return device;
  }

  /**
   * Adds a device that mediated devices can be made of.
   *
   * @param path of its folder below {@code /sys/devices}: {@code virtual/mtty/mtty}, or that of a
   *     device on a bus, {@code pci0000:00/0000:00:05.0}
   */
  public MachineParent mediated(String path, MediatedDriver driver) {
    if (parents.stream().anyMatch(other -> other.path().equals(path))) {
      throw new IllegalArgumentException("there is a parent at " + path + " already");
    }
    MachineParent parent = new MachineParent(path, driver);
    parents.add(parent);
    return parent;
  }

  /** How many bits of an IOVA the IOMMU translates: 1 to 64. */
  public Machine iommuBits(int bits) {
    iommuBits = bits;
    return this;
  }

  /** Reserves a range of IOVAs for every device, beside the window for interrupt messages. */
  public Machine reserve(long start, long last) {
    reserved.add(new IovaRange(start, last));
    return this;
  }

  /** RLIMIT_MEMLOCK of the process, in bytes; holds once it is {@link #without} CAP_IPC_LOCK. */
  public Machine memlock(long bytes) {
    memlock = bytes;
    return this;
  }

  /** Takes a capability from the process. */
  public Machine without(Capability capability) {
    capabilities.remove(capability);
    return this;
  }

  /**
   * The process is that of an ordinary user with these ids: without capabilities, and kept out by
   * the permissions of files, which are those that the kernel gives them or what {@link #node}
   * says.
   */
  public Machine user(int uid, int gid) {
    user = uid;
    group = gid;
    capabilities.clear();
    return this;
  }

  /**
   * Who may open a device node, as a rule of udev says it.
   *
   * @param path {@code /dev/vfio/5}; the node need not exist yet
   * @param mode permission bits: 0660
   */
  public Machine node(String path, int uid, int gid, int mode) {
    nodes.put(path, new NodeAccess(uid, gid, mode));
    return this;
  }

  /** The parameter {@code dma_entry_limit} of the module vfio_iommu_type1. */
  public Machine dmaEntryLimit(int mappings) {
    dmaEntryLimit = mappings;
    return this;
  }

  /** RLIMIT_NOFILE of the process: no descriptor is this number or above. */
  public Machine openFiles(int limit) {
    openFiles = limit;
    return this;
  }

  /**
   * The parameter {@code fs.file-max}: how many files may be open in all; holds once the process is
   * {@link #without} CAP_SYS_ADMIN.
   */
  public Machine systemFiles(int limit) {
    systemFiles = limit;
    return this;
  }

  /** The kernel was built without CONFIG_PCI_P2PDMA, and so exports no BAR as a dma-buf. */
  public Machine withoutPeerToPeer() {
    peerToPeer = false;
    return this;
  }

  /** The kernel was built without CONFIG_VFIO_DEVICE_CDEV. */
  public Machine withoutDeviceNodes() {
    deviceNodes = false;
    return this;
  }

  /** The kernel was built without CONFIG_IOMMUFD, and so without device nodes. */
  public Machine withoutIommufd() {
    iommufd = false;
    deviceNodes = false;
    return this;
  }

  /** The parameter {@code enable_unsafe_noiommu_mode} of the module vfio is on. */
  public Machine noIommuMode() {
    noIommuMode = true;
    return this;
  }

  /** The kernel was built with CONFIG_IOMMUFD_TEST: mock devices behind a mock IOMMU. */
  public Machine iommufdTest() {
    iommufdTest = true;
    return this;
  }

  /** What the IOMMU can beside translating: nothing at first. */
  public MachineIommu iommu() {
    return iommu;
  }

  /** The host's interrupt controller cannot give a function more MSI-X vectors later. */
  public Machine withoutDynamicMsix() {
    dynamicMsix = false;
    return this;
  }

  /** The kernel was built with CONFIG_PM: what may sleep does. */
  public Machine runtimePowerManagement() {
    runtimePowerManagement = true;
    return this;
  }

  public boolean hasPeerToPeer() {
    return peerToPeer;
  }

  /** How many files may be open in all. */
  public int systemFiles() {
    return has(Capability.CAP_SYS_ADMIN) ? Integer.MAX_VALUE : systemFiles;
  }

  public boolean hasDynamicMsix() {
    return dynamicMsix;
  }

  public boolean hasRuntimePowerManagement() {
    return runtimePowerManagement;
  }

  public List<MachineDevice> devices() {
    return Collections.unmodifiableList(devices);
  }

  /** Those that mediated devices can be made of. */
  public List<MachineParent> parents() {
    return Collections.unmodifiableList(parents);
  }

  public List<IovaRange> reserved() {
    return Collections.unmodifiableList(reserved);
  }

  public int iommuBits() {
    return iommuBits;
  }

  /** In bytes; {@link Long#MAX_VALUE} for no limit. */
  public long memlock() {
    return memlock;
  }

  public boolean has(Capability capability) {
    return capabilities.contains(capability);
  }

  /** The id of the process's user; 0 for root. */
  public int user() {
    return user;
  }

  /** The id of the process's group. */
  public int group() {
    return group;
  }

  /** What {@link #node} said of this path. */
  public Optional<NodeAccess> node(String path) {
    return Optional.ofNullable(nodes.get(path));
  }

  public int dmaEntryLimit() {
    return dmaEntryLimit;
  }

  public int openFiles() {
    return openFiles;
  }

  public boolean hasDeviceNodes() {
    return deviceNodes;
  }

  public boolean hasIommufd() {
    return iommufd;
  }

  public boolean hasIommufdTest() {
    return iommufdTest;
  }

  public boolean isNoIommuMode() {
    return noIommuMode;
  }
}
