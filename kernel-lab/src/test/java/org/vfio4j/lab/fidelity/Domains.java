// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.vfio4j.group.uapi.VfioGroupUapi;

/** What is compared. */
public final class Domains {
  /** Address spaces without a device: what is mapped is not pinned. */
  public static final Domain IOMMUFD =
      new Domain("iommufd", IommufdCalls.opening(), IommufdCalls.kinds());

  public static final Domain TYPE1 =
      container("type1", "/dev/vfio/vfio", "container", VfioGroupUapi.VFIO_TYPE1_IOMMU);

  public static final Domain TYPE1V2 =
      container("type1v2", "/dev/vfio/vfio", "container", VfioGroupUapi.VFIO_TYPE1v2_IOMMU);

  /** The calls of a container on an iommufd, and those of the iommufd beside them. */
  public static final Domain COMPAT_TYPE1 =
      container("compat_type1", "/dev/iommu", IommufdCalls.IOMMUFD, VfioGroupUapi.VFIO_TYPE1_IOMMU)
          .with(IommufdCalls.seldom());

  public static final Domain COMPAT_TYPE1V2 =
      container(
              "compat_type1v2",
              "/dev/iommu",
              IommufdCalls.IOMMUFD,
              VfioGroupUapi.VFIO_TYPE1v2_IOMMU)
          .with(IommufdCalls.seldom());

  /** Device nodes, and what their iommufd maps for them; sometimes a group in the way. */
  public static final Domain CDEV =
      new Domain("cdev", opening(IommufdCalls.opening(), CdevCalls.opening()), CdevCalls.kinds())
          .with(IommufdCalls.kinds())
          .with(new DeviceCalls(CdevCalls.CDEV).kinds())
          .with(new FeatureCalls(CdevCalls.CDEV).kinds())
          .with(HwptCalls.kinds())
          .with(GroupCalls.aside());

  /** Groups, containers of both kinds, and devices that are opened through them. */
  public static final Domain GROUP =
      new Domain("group", groups().opening(), GroupCalls.kinds("container"))
          .with(GroupCalls.kinds(IommufdCalls.IOMMUFD))
          .with(groups().kinds())
          .with(IommufdCalls.seldom())
          .with(new DeviceCalls(GroupCalls.DEVICE).kinds())
          .with(new FeatureCalls(GroupCalls.DEVICE).kinds())
          .with(List.of(CallKind.of(2, IommufdCalls::open)))
          .with(CdevCalls.aside());

  /** Mediated devices, beside a group with an IOMMU, in containers and on an iommufd. */
  public static final Domain MDEV =
      new Domain(
              "mdev",
              opening(MdevCalls.opening(), groups().belowTheEnd().opening()),
              MdevCalls.kinds())
          .with(groups().belowTheEnd().kinds())
          .with(GroupCalls.besideMediated("container"))
          .with(GroupCalls.besideMediated(IommufdCalls.IOMMUFD))
          .with(IommufdCalls.kinds())
          .with(CdevCalls.kinds())
          .with(new FeatureCalls(GroupCalls.DEVICE).kinds())
          .with(new FeatureCalls(CdevCalls.CDEV).kinds());

  /**
   * Page tables that programs make, dirty tracking, nesting and page faults. The kernel finds the
   * mock IOMMU only where there is no other one: in the topology without.
   */
  public static final Domain MOCK =
      new Domain(
              "mock",
              opening(IommufdCalls.opening(), MockCalls.opening()),
              MockCalls.kinds(),
              MockCalls.APERTURE)
          .with(HwptCalls.kinds())
          .with(IommufdCalls.kinds());

  /** A group that no IOMMU keeps inside of its memory, in containers of both kinds. */
  public static final Domain NO_IOMMU = noIommu();

  private Domains() {}

  private static Domain noIommu() {
    Type1Calls containers =
        new Type1Calls("/dev/vfio/vfio", "container", VfioGroupUapi.VFIO_NOIOMMU_IOMMU);
    return new Domain(
            "noiommu", containers.opening(GroupCalls::openWithoutIommu), containers.kinds())
        .with(GroupCalls.withoutIommu("container"))
        .with(GroupCalls.withoutIommu(IommufdCalls.IOMMUFD))
        .with(List.of(CallKind.of(2, IommufdCalls::open)))
        .with(IommufdCalls.seldom())
        .with(new DeviceCalls(GroupCalls.DEVICE).kinds())
        .with(new FeatureCalls(GroupCalls.DEVICE).kinds());
  }

  private static Type1Calls groups() {
    return new Type1Calls("/dev/vfio/vfio", "container", VfioGroupUapi.VFIO_TYPE1v2_IOMMU);
  }

  private static List<CallKind.Generator> opening(
      List<CallKind.Generator> first, List<CallKind.Generator> second) {
    return Stream.concat(first.stream(), second.stream()).toList();
  }

  private static Domain container(String name, String node, String kind, int type) {
    Type1Calls calls = new Type1Calls(node, kind, type);
    List<CallKind> kinds = new ArrayList<>(calls.kinds());
    kinds.addAll(GroupCalls.kinds(kind));
    return new Domain(name, calls.opening(), kinds);
  }

  /** Those of the topology without an IOMMU. */
  public static List<Domain> withoutIommu() {
    return List.of(MOCK, NO_IOMMU);
  }

  /** Those of the standard topology. */
  public static List<Domain> standard() {
    return List.of(IOMMUFD, TYPE1, TYPE1V2, COMPAT_TYPE1, COMPAT_TYPE1V2, CDEV, GROUP, MDEV);
  }
}
