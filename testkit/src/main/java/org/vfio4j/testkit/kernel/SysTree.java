// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.kernel.FileTree.Attribute;
import org.vfio4j.testkit.kernel.FileTree.Special;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;
import org.vfio4j.testkit.machine.Machine.Capability;

/** What /sys and /dev show of devices, drivers and groups. */
final class SysTree {
  private static final String BUS = "/sys/bus/pci";
  private static final String GROUPS = "/sys/kernel/iommu_groups/";
  private static final String VFIO_CLASS = "/sys/class/vfio-dev/";
  private static final String ENTRY_LIMIT =
      "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit";
  private static final String ENABLE_SRIOV = "/sys/module/vfio_pci/parameters/enable_sriov";
  private static final String NO_IOMMU_MODE =
      "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
  private static final Pattern TRUE = Pattern.compile("(?s)([yYtT1]|[oO][nN]).*");
  private static final Pattern FALSE = Pattern.compile("(?s)([nNfF0]|[oO][fF]).*");
  private static final int VFIO_MAJOR = 511;

  private final Core core;
  private final FileTree tree;

  SysTree(Core core, FileTree tree) {
    this.core = core;
    this.tree = tree;
    tree.folder(BUS + "/devices");
    tree.folder(GROUPS);
    tree.folder("/sys/class");
    tree.add("/dev/null", new Special(NullFile::new));
    tree.add("/dev/vfio/vfio", new Special(() -> new ContainerFile(core)));
    if (core.hasIommufd()) {
      tree.add("/dev/iommu", new Special(() -> new IommufdFile(core)));
    }
    if (core.hasDeviceNodes()) {
      tree.folder("/dev/vfio/devices");
    }
    tree.add(ENTRY_LIMIT, new Attribute(this::entryLimit, this::entryLimit));
    tree.add(ENABLE_SRIOV, flag(core::isSriovEnabled, core::enableSriov));
    tree.add(NO_IOMMU_MODE, flag(core::isNoIommuMode, core::noIommuMode));
    core.iommuGroups().forEach(this::addGroup);
  }

  /** A parameter that is true or false. Source: kstrtobool() in {@code lib/kstrtox.c}. */
  private static Attribute flag(BooleanSupplier get, Consumer<Boolean> set) {
    return new Attribute(
        () -> (get.getAsBoolean() ? "Y\n" : "N\n").getBytes(StandardCharsets.US_ASCII),
        written -> {
          String text = new String(written, StandardCharsets.US_ASCII);
          boolean on = TRUE.matcher(text).matches();
          KernelError.refuseIf(!on && !FALSE.matcher(text).matches(), Errno.EINVAL);
          set.accept(on);
          return written.length;
        });
  }

  private byte[] entryLimit() {
    String limit = Integer.toUnsignedString(core.dmaEntryLimit());
    return (limit + "\n").getBytes(StandardCharsets.US_ASCII);
  }

  private int entryLimit(byte[] written) {
    core.dmaEntryLimit((int) WrittenNumber.parse(written, Integer.SIZE));
    return written.length;
  }

  void addDriver(String driver, ToIntFunction<byte[]> bind, ToIntFunction<byte[]> unbind) {
    String folder = driver(driver);
    tree.add(folder + "/bind", new Attribute(null, bind));
    tree.add(folder + "/unbind", new Attribute(null, unbind));
  }

  void addProbe(ToIntFunction<byte[]> probe) {
    tree.add(BUS + "/drivers_probe", new Attribute(null, probe));
  }

  /** Who is not privileged sees the header only. */
  private byte[] visible(ConfigSpace config) {
    return core.machine().has(Capability.CAP_SYS_ADMIN)
        ? config.content()
        : Arrays.copyOf(config.content(), ConfigSpace.HEADER_SIZE);
  }

  void addRescan(ToIntFunction<byte[]> rescan) {
    tree.add(BUS + "/rescan", new Attribute(null, rescan));
  }

  void addRemove(PciDevice device, ToIntFunction<byte[]> remove) {
    tree.add(device.path() + "/remove", new Attribute(null, remove));
  }

  void removeRemove(PciDevice device) {
    tree.remove(device.path() + "/remove");
  }

  void removeDevice(PciDevice device) {
    tree.remove(BUS + "/devices/" + device.name());
    tree.remove(device.path());
    if (device.group() != null) {
      tree.remove(GROUPS + device.group().number() + "/devices/" + device.name());
    }
  }

  void addDevice(PciDevice device, Supplier<byte[]> override, ToIntFunction<byte[]> setOverride) {
    String folder = device.path();
    ConfigSpace config = device.config();
    tree.add(folder + "/vendor", hex(4, config.getShort(ConfigSpace.VENDOR_ID)));
    tree.add(folder + "/device", hex(4, config.getShort(ConfigSpace.DEVICE_ID)));
    tree.add(folder + "/subsystem_vendor", hex(4, config.getShort(ConfigSpace.SUBSYSTEM_VENDOR)));
    tree.add(folder + "/subsystem_device", hex(4, config.getShort(ConfigSpace.SUBSYSTEM)));
    tree.add(folder + "/class", hex(6, config.getInt(ConfigSpace.REVISION) >>> Byte.SIZE));
    tree.add(folder + "/revision", hex(2, config.getInt(ConfigSpace.REVISION) & 0xff));
    tree.add(folder + "/config", new Attribute(() -> visible(config), null));
    tree.add(folder + "/driver_override", new Attribute(override, setOverride));
    link(folder + "/subsystem", BUS);
    link(BUS + "/devices/" + device.name(), folder);
    if (device.group() != null) {
      addGroupLink(device);
    }
  }

  void addSriov(
      PciDevice device,
      Supplier<byte[]> total,
      Supplier<byte[]> number,
      ToIntFunction<byte[]> setNumber) {
    tree.add(device.path() + "/sriov_totalvfs", new Attribute(total, null));
    tree.add(device.path() + "/sriov_numvfs", new Attribute(number, setNumber));
  }

  void linkVirtualFunction(PciDevice physical, PciDevice function, int number) {
    link(physical.path() + "/virtfn" + number, function.path());
    link(function.path() + "/physfn", physical.path());
  }

  void removeVirtualFunction(PciDevice physical, PciDevice function, int number) {
    tree.remove(physical.path() + "/virtfn" + number);
    tree.remove(BUS + "/devices/" + function.name());
    tree.remove(function.path());
  }

  void addGroupLink(PciDevice device) {
    addGroupLink(device, device.group());
  }

  void addGroupLink(BusDevice device, IommuGroup group) {
    link(device.path() + "/iommu_group", GROUPS + group.number());
  }

  void removeGroupLink(BusDevice device) {
    tree.remove(device.path() + "/iommu_group");
  }

  void addGroup(IommuGroup group) {
    String folder = GROUPS + group.number();
    boolean isReal = group.kind() == Kind.IOMMU;
    StringBuilder reserved = new StringBuilder();
    for (IovaRange range : core.machine().reserved()) {
      reserved.append(String.format("0x%016x 0x%016x msi%n", range.start(), range.last()));
    }
    tree.add(folder + "/reserved_regions", Attribute.of(isReal ? reserved.toString() : ""));
    tree.folder(folder + "/devices");
    if (!isReal) {
      tree.add(folder + "/name", Attribute.of(IommuGroup.MADE_BY_VFIO + "\n"));
    }
    for (BusDevice device : group.devices()) {
      link(folder + "/devices/" + device.name(), device.path());
    }
  }

  void removeGroup(IommuGroup group) {
    tree.remove(GROUPS + group.number());
  }

  void bound(PciDevice device, String driver) {
    link(device.path() + "/driver", driver(driver));
    link(driver(driver) + "/" + device.name(), device.path());
  }

  void unbound(PciDevice device, String driver) {
    tree.remove(device.path() + "/driver");
    tree.remove(driver(driver) + "/" + device.name());
  }

  void addGroupNode(VfioGroup group, Supplier<OpenFile> open) {
    tree.add("/dev/" + group.node(), new Special(open));
  }

  void removeGroupNode(VfioGroup group) {
    tree.remove("/dev/" + group.node());
  }

  void addVfioDevice(VfioDevice device) {
    if (!core.version().hasDeviceFolders()) {
      return;
    }
    String name = name(device);
    String folder = device.device().path() + "/vfio-dev/" + name;
    link(folder + "/device", device.device().path());
    link(VFIO_CLASS + name, folder);
    if (hasNode(device)) {
      tree.add(folder + "/dev", Attribute.of(VFIO_MAJOR + ":" + device.index() + "\n"));
      String node = node(device);
      tree.add(node, new Special(() -> new DeviceFile(core, device, false, node)));
    }
  }

  void removeVfioDevice(VfioDevice device) {
    if (!core.version().hasDeviceFolders()) {
      return;
    }
    tree.remove(VFIO_CLASS + name(device));
    tree.remove(device.device().path() + "/vfio-dev");
    if (hasNode(device)) {
      tree.remove(node(device));
    }
  }

  /** One without an IOMMU has none before Linux 7.3. */
  private boolean hasNode(VfioDevice device) {
    boolean can = !device.group().isNoIommu() || core.version().hasNoIommuDeviceNodes();
    return core.hasDeviceNodes() && can;
  }

  private String name(VfioDevice device) {
    boolean marked = device.group().isNoIommu() && hasNode(device);
    return (marked ? "noiommu-" : "") + "vfio" + device.index();
  }

  private String node(VfioDevice device) {
    return "/dev/vfio/devices/" + name(device);
  }

  private static String driver(String driver) {
    return BUS + "/drivers/" + driver;
  }

  private static Attribute hex(int digits, int value) {
    return Attribute.of(String.format("0x%0" + digits + "x%n", value));
  }

  /**
   * As sysfs has them: relative to the folder of the link, up to what both are in and no higher.
   */
  void link(String from, String to) {
    String[] folders = from.split("/");
    String[] target = to.split("/");
    int common = 0;
    while (common < Math.min(folders.length, target.length) - 1
        && folders[common].equals(target[common])) {
      common++;
    }
    String down = String.join("/", List.of(target).subList(common, target.length));
    tree.addLink(from, "../".repeat(folders.length - 1 - common) + down);
  }
}
