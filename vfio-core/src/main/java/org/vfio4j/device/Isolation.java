// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.SysfsDevice;

/**
 * How far the IOMMU can tell a device apart from others, with the evidence: what sysfs showed when
 * it was asked.
 *
 * <p>Immutable.
 *
 * @param device the device that was asked for: a PCI address, or the UUID of a mediated device
 * @param kind the answer
 * @param members the devices that the IOMMU cannot tell apart, {@code device} among them; {@code
 *     device} alone where it is mediated or without IOMMU
 */
public record Isolation(String device, Kind kind, List<Member> members) {
  /** The kinds of device. */
  public enum Kind {
    /** The IOMMU tells it apart from every other device, but for bridges on the way to it. */
    SINGLETON,
    /**
     * The IOMMU cannot tell it apart from other devices, which can only be used together with it.
     */
    SHARED,
    /** A mediated device: its parent's driver isolates it, page by page. */
    MEDIATED,
    /** No IOMMU is in front of it. */
    NONE
  }

  /**
   * One of the devices that cannot be told apart.
   *
   * @param driver empty where none is bound
   * @param bridge whether it is a PCI-to-PCI bridge, which nobody uses as a device
   * @param blocks whether its driver uses DMA for the host, so that no other member can be used by
   *     this process; a device without driver does not, nor do pcieport, pci-stub and the drivers
   *     of VFIO
   */
  public record Member(String name, Optional<String> driver, boolean bridge, boolean blocks) {
    @Override
    public String toString() {
      return name
          + (bridge ? " (bridge, " : " (")
          + driver.map(bound -> "driver " + bound).orElse("no driver")
          + (blocks ? ", blocks)" : ")");
    }
  }

  /** Drivers that leave the DMA of their devices to others: {@code driver_managed_dma}. */
  private static final Set<String> NO_DMA = Set.of("pcieport", "pci-stub");

  /** In the names of all of VFIO's own drivers: vfio-pci, mlx5_vfio_pci. */
  private static final String VFIO = "vfio";

  private static final String BUS_OF_MDEVS = "mdev";

  /** Base class and subclass of a PCI-to-PCI bridge. */
  private static final String BRIDGE_CLASS = "0x0604";

  /** What VFIO calls what it makes where there is no IOMMU. */
  private static final String NO_IOMMU = "vfio-noiommu";

  public Isolation {
    members = List.copyOf(members);
  }

  /**
   * Asks sysfs.
   *
   * @throws VfioException ({@link Reason#OTHER}) when sysfs does not say which devices go together:
   *     the device is not taken for isolated then
   */
  public static Isolation of(SysfsDevice device) {
    if (device.link("subsystem").filter(BUS_OF_MDEVS::equals).isPresent()) {
      return alone(device, Kind.MEDIATED);
    }
    // Without an IOMMU, vfio-pci may still make an entry: in its no-IOMMU mode.
    if (device.iommuGroup().isEmpty()
        || device.attribute("iommu_group/name").filter(NO_IOMMU::equals).isPresent()) {
      return alone(device, Kind.NONE);
    }
    List<Member> members = device.iommuGroupDevices().stream().map(Isolation::member).toList();
    if (members.stream().noneMatch(member -> member.name().equals(device.name()))) {
      throw VfioException.failed(Reason.OTHER, "read")
          .on("of the IOMMU group of " + device)
          .fact(device.path() + "/iommu_group/devices does not list the device: " + members)
          .hint("is all of /sys visible here? it may have been removed at this moment, too")
          .build();
    }
    long devices = members.stream().filter(member -> !member.bridge()).count();
    return new Isolation(device.name(), devices > 1 ? Kind.SHARED : Kind.SINGLETON, members);
  }

  /** The members whose drivers keep this process from using the device; it may be one itself. */
  public List<Member> blockers() {
    return members.stream().filter(Member::blocks).toList();
  }

  /** The members other than the device. */
  public List<Member> others() {
    return members.stream().filter(member -> !member.name().equals(device)).toList();
  }

  /** The answer and its evidence, in one line. */
  @Override
  public String toString() {
    String others = others().stream().map(Member::toString).collect(Collectors.joining(", "));
    return switch (kind) {
      case NONE -> device + " is not isolated: no IOMMU is in front of it";
      case MEDIATED -> device + " is mediated: the driver of its parent isolates it";
      case SINGLETON ->
          device + " is isolated by itself" + (others.isEmpty() ? "" : ", behind " + others);
      case SHARED -> device + " cannot be isolated from " + others;
    };
  }

  private static Isolation alone(SysfsDevice device, Kind kind) {
    Member itself = new Member(device.name(), device.driver(), false, false);
    return new Isolation(device.name(), kind, List.of(itself));
  }

  private static Member member(SysfsDevice device) {
    Optional<String> driver = device.driver();
    boolean bridge =
        device.attribute("class").filter(number -> number.startsWith(BRIDGE_CLASS)).isPresent();
    boolean blocks =
        driver.filter(bound -> !NO_DMA.contains(bound) && !bound.contains(VFIO)).isPresent();
    return new Member(device.name(), driver, bridge, blocks);
  }
}
