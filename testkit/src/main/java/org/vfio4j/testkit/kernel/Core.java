// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.MachineDevice;

/** What the parts of a fake kernel share. */
final class Core {
  private static final int FIRST_BAR_ADDRESS = 0xc000_0000;
  private static final int BAR_ADDRESSES = 0x0040_0000;

  private final Gate gate = new Gate();
  private final KernelVersion version;
  private final Machine machine;
  private final UserMemory memory;
  private final Origins origins = new Origins();
  private final FileTable files;
  private final List<DeviceMemory> deviceMappings = new ArrayList<>();
  private final Map<String, PciDevice> devices = new LinkedHashMap<>();
  private final Map<Integer, IommuGroup> iommuGroups = new TreeMap<>();
  private final IommuDriver iommu;
  private final MockDriver mock;
  private final IommuDriver noIommu = new NoIommuDriver();
  private final Uevents uevents = new Uevents(gate);
  private int dmaEntryLimit;
  private boolean sriovEnabled;
  private boolean noIommuMode;
  private int barAddress = FIRST_BAR_ADDRESS;

  Core(KernelVersion version, Machine machine) {
    this.version = version;
    this.machine = machine;
    this.memory = new UserMemory(machine, origins);
    this.files = new FileTable(machine.openFiles(), machine.systemFiles(), origins);
    this.dmaEntryLimit = machine.dmaEntryLimit();
    this.noIommuMode = machine.isNoIommuMode();
    this.iommu =
        switch (machine.iommu().make()) {
          case INTEL_VTD -> new VtdDriver(version, machine);
          case ARM_SMMUV3 -> new SmmuDriver(version, machine, false);
          case NVIDIA_TEGRA241 -> new SmmuDriver(version, machine, true);
          case AMD -> new AmdDriver(version, machine);
        };
    this.mock = new MockDriver(version);
    List<MachineDevice> ascending = new ArrayList<>(machine.devices());
    ascending.sort(Comparator.comparing(MachineDevice::address));
    ascending.forEach(this::add);
  }

  /** A function is found on the bus. */
  PciDevice add(MachineDevice described) {
    PciDevice device = new PciDevice(gate, described, path(described), barAddress);
    device.busReset(isAloneOnBus(device));
    barAddress += BAR_ADDRESSES;
    devices.put(device.name(), device);
    if (described.group() >= 0) {
      IommuGroup group =
          iommuGroups.computeIfAbsent(
              described.group(), number -> new IommuGroup(number, Kind.IOMMU));
      group.devices().add(device);
      device.join(group);
    }
    return device;
  }

  private String path(MachineDevice device) {
    String name = device.address().toString();
    String domain = name.substring(0, name.indexOf(':'));
    if (device.parent().isEmpty()) {
      return "/sys/devices/pci" + domain + ":00/" + name;
    }
    return machine.devices().stream()
        .filter(other -> other.address().toString().equals(device.parent()))
        .map(bridge -> path(bridge) + "/" + name)
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("there is no bridge at " + device.parent()));
  }

  Gate gate() {
    return gate;
  }

  KernelVersion version() {
    return version;
  }

  Machine machine() {
    return machine;
  }

  UserMemory memory() {
    return memory;
  }

  /** In front of the devices that have a group. */
  IommuDriver iommu() {
    return iommu;
  }

  /** Where there is none, for device nodes of such devices. */
  IommuDriver noIommu() {
    return noIommu;
  }

  /** That of the self-test's devices. */
  MockDriver mock() {
    return mock;
  }

  /** The parameter of vfio_iommu_type1, for containers that are made from now on. */
  int dmaEntryLimit() {
    return dmaEntryLimit;
  }

  void dmaEntryLimit(int mappings) {
    dmaEntryLimit = mappings;
  }

  /** Where things came from. */
  Origins origins() {
    return origins;
  }

  FileTable files() {
    return files;
  }

  Uevents uevents() {
    return uevents;
  }

  /** BARs that the process has mapped. */
  List<DeviceMemory> deviceMappings() {
    return deviceMappings;
  }

  /** The mapping of a BAR that has all of these addresses of the process; null for none. */
  DeviceMemory deviceMapping(long address, long length) {
    for (DeviceMemory mapping : deviceMappings) {
      long offset = address - mapping.address();
      if (offset >= 0 && length > 0 && offset <= mapping.size() - length) {
        return mapping;
      }
    }
    return null;
  }

  /** Whether a reset of its bus, which is not a root bus, is one of the function alone. */
  boolean isAloneOnBus(PciDevice device) {
    return !device.isOnRootBus()
        && !device.function().isBridge()
        && devices.values().stream()
            .noneMatch(other -> other != device && other.bridgePath().equals(device.bridgePath()));
  }

  List<PciDevice> devices() {
    return List.copyOf(devices.values());
  }

  /** In a group of its own, if its physical function is in one. */
  PciDevice addVirtualFunction(PciDevice physical, String name, int number) {
    String path = physical.bridgePath() + "/" + name;
    PciDevice function =
        new PciDevice(
            gate,
            name,
            path,
            physical.function().makeVirtualFunction(number),
            barAddress,
            physical);
    barAddress += BAR_ADDRESSES;
    devices.put(name, function);
    if (physical.group() != null) {
      function.join(makeGroup(function, Kind.IOMMU));
    }
    return function;
  }

  void removeDevice(PciDevice device) {
    devices.remove(device.name());
    IommuGroup group = device.group();
    if (group != null) {
      group.devices().remove(device);
      if (group.devices().isEmpty()) {
        removeGroup(group);
      }
    }
  }

  /** The parameter enable_sriov of vfio-pci. */
  boolean isSriovEnabled() {
    return sriovEnabled;
  }

  void enableSriov(boolean enabled) {
    sriovEnabled = enabled;
  }

  /** The parameter enable_unsafe_noiommu_mode of vfio. */
  boolean isNoIommuMode() {
    return noIommuMode;
  }

  void noIommuMode(boolean enabled) {
    noIommuMode = enabled;
  }

  /** Null where there is none. */
  PciDevice device(String name) {
    return devices.get(name);
  }

  List<IommuGroup> iommuGroups() {
    return List.copyOf(iommuGroups.values());
  }

  /** The group that vfio-pci makes for a device without an IOMMU. */
  IommuGroup makeNoIommuGroup(PciDevice device) {
    IommuGroup group = makeGroup(device, Kind.NO_IOMMU);
    device.join(group);
    return group;
  }

  /** With the lowest number that is free. */
  IommuGroup makeGroup(BusDevice device, Kind kind) {
    int number =
        IntStream.iterate(0, n -> n + 1)
            .filter(n -> !iommuGroups.containsKey(n))
            .findFirst()
            .orElseThrow();
    IommuGroup group = new IommuGroup(number, kind);
    group.devices().add(device);
    iommuGroups.put(number, group);
    return group;
  }

  void removeNoIommuGroup(PciDevice device) {
    removeGroup(device.group());
    device.join(null);
  }

  void removeGroup(IommuGroup group) {
    iommuGroups.remove(group.number());
  }

  boolean hasIommufd() {
    return version.hasIommufd() && machine.hasIommufd();
  }

  boolean hasDeviceNodes() {
    return hasIommufd() && version.hasDeviceNodes() && machine.hasDeviceNodes();
  }

  /** What can be mapped for a device of this machine, ascending. */
  List<IovaRange> usableIovas() {
    List<IovaRange> usable = new ArrayList<>();
    List<IovaRange> reserved = new ArrayList<>(machine.reserved());
    reserved.sort((a, b) -> Long.compareUnsigned(a.start(), b.start()));
    long next = 0;
    long end = machine.iommuBits() == Long.SIZE ? -1 : (1L << machine.iommuBits()) - 1;
    for (IovaRange range : reserved) {
      if (Long.compareUnsigned(range.start(), end) > 0) {
        break;
      }
      if (Long.compareUnsigned(range.start(), next) > 0) {
        usable.add(new IovaRange(next, range.start() - 1));
      }
      next = range.last() + 1;
    }
    if (Long.compareUnsigned(next, end) <= 0) {
      usable.add(new IovaRange(next, end));
    }
    return Collections.unmodifiableList(usable);
  }
}
