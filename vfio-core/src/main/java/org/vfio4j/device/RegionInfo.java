// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.vfio4j.Units;
import org.vfio4j.device.CapabilityChain.Capability;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioRegionInfoCapSparseMmap;
import org.vfio4j.device.uapi.VfioRegionInfoCapType;
import org.vfio4j.device.uapi.VfioRegionSparseMmapArea;

/**
 * What a device says of one of its regions: VFIO_DEVICE_GET_REGION_INFO.
 *
 * @param index of the region in the device
 * @param bits {@code VFIO_REGION_INFO_FLAG_}, those included that {@link Flag} does not know
 * @param size in bytes; 0 for a region that this device does not have, such as an unused BAR
 * @param offset of the region in the device file
 * @param mappableAreas what of the region can be mapped, ascending: all of it, the areas that the
 *     kernel lists where there are holes, or nothing
 * @param type of a device-specific region
 * @param msixMappable whether the area with the MSI-X table can be mapped too (Linux 4.16)
 * @param capabilities all of them, those included that have been read into the fields before
 */
public record RegionInfo(
    int index,
    int bits,
    long size,
    long offset,
    List<Area> mappableAreas,
    Optional<Type> type,
    boolean msixMappable,
    CapabilityChain capabilities) {

  /** What the bits mean. */
  public enum Flag {
    READ(VfioDeviceUapi.VFIO_REGION_INFO_FLAG_READ),
    WRITE(VfioDeviceUapi.VFIO_REGION_INFO_FLAG_WRITE),
    MMAP(VfioDeviceUapi.VFIO_REGION_INFO_FLAG_MMAP),
    CAPS(VfioDeviceUapi.VFIO_REGION_INFO_FLAG_CAPS);

    private final int bit;

    Flag(int bit) {
      this.bit = bit;
    }
  }

  /**
   * A part of the region.
   *
   * @param offset in the region, in bytes
   * @param size in bytes
   */
  public record Area(long offset, long size) {
    @Override
    public String toString() {
      return Units.range(offset, size);
    }
  }

  /**
   * What a device-specific region is: {@code VFIO_REGION_TYPE_} and {@code VFIO_REGION_SUBTYPE_}.
   */
  public record Type(int type, int subtype) {}

  public RegionInfo {
    mappableAreas = List.copyOf(mappableAreas);
  }

  static RegionInfo of(
      String origin, int index, int bits, long size, long offset, CapabilityChain capabilities) {
    if (size < 0) {
      throw CapabilityChain.malformed(origin, "a size of " + Units.bytes(size));
    }
    return new RegionInfo(
        index,
        bits,
        size,
        offset,
        mappable(origin, bits, size, capabilities),
        capabilities
            .find(VfioDeviceUapi.VFIO_REGION_INFO_CAP_TYPE)
            .map(
                capability ->
                    new Type(
                        capability.getInt(VfioRegionInfoCapType.TYPE),
                        capability.getInt(VfioRegionInfoCapType.SUBTYPE))),
        capabilities.find(VfioDeviceUapi.VFIO_REGION_INFO_CAP_MSIX_MAPPABLE).isPresent(),
        capabilities);
  }

  private static List<Area> mappable(
      String origin, int bits, long size, CapabilityChain capabilities) {
    if ((bits & Flag.MMAP.bit) == 0 || size == 0) {
      return List.of();
    }
    Optional<Capability> sparse =
        capabilities.find(VfioDeviceUapi.VFIO_REGION_INFO_CAP_SPARSE_MMAP);
    if (sparse.isEmpty()) {
      return List.of(new Area(0, size));
    }
    List<Area> areas = new ArrayList<>();
    int count = sparse.get().getInt(VfioRegionInfoCapSparseMmap.NR_AREAS);
    for (int i = 0; i != count; i++) {
      // Reading beyond the capability throws, which ends the loop for any count.
      int at = VfioRegionInfoCapSparseMmap.SIZEOF + i * VfioRegionSparseMmapArea.SIZEOF;
      Area area =
          new Area(
              sparse.get().getLong(at + VfioRegionSparseMmapArea.OFFSET),
              sparse.get().getLong(at + VfioRegionSparseMmapArea.SIZE));
      if (area.size() != 0) {
        areas.add(area);
      }
    }
    areas.sort(Comparator.comparingLong(Area::offset));
    long least = 0;
    for (Area area : areas) {
      if (area.offset() < least || area.size() < 0 || area.offset() > size - area.size()) {
        throw CapabilityChain.malformed(
            origin, "it lists " + areas + " to be mapped, of a region of " + Units.bytes(size));
      }
      least = area.offset() + area.size();
    }
    return areas;
  }

  /** Whether this device has the region at all. */
  public boolean isPresent() {
    return size != 0;
  }

  public boolean has(Flag flag) {
    return (bits & flag.bit) != 0;
  }

  /** The flags that are set, as far as they are known. */
  public Set<Flag> flags() {
    return Flags.set(Flag.class, this::has);
  }

  @Override
  public String toString() {
    return "region "
        + index
        + (isPresent() ? ": " + Units.bytes(size) + ", flags " + flags() : ": not there");
  }
}
