// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.OpeningPlan.Against;
import org.vfio4j.bridge.OpeningPlan.Verdict;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.Isolation.Kind;
import org.vfio4j.device.Isolation.Member;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.SysfsDevice;

/** Looks whether a device could be opened in a mode. Each thing is looked at once. */
final class OpeningProbe {
  private final Kernel kernel;
  private final SysfsDevice device;
  private final AssignmentPolicy assignment;
  private final Isolation isolation;
  private final Finding shared;
  private final Finding iommufd;
  private final Finding node;
  private final Finding group;
  private Finding container;

  /** Evidence, and what it is evidence against; null for nothing. */
  private record Finding(Against against, String evidence) {
    boolean isFine() {
      return against == null;
    }
  }

  OpeningProbe(Kernel kernel, SysfsDevice device, AssignmentPolicy assignment) {
    this.kernel = kernel;
    this.device = device;
    this.assignment = assignment;
    this.isolation = Isolation.of(device);
    this.shared = lookAtGroupMembers();
    this.iommufd =
        look(
            () -> {
              Iommufd.open(kernel).close();
              return kernel.roots().dev("iommu") + " can be opened";
            });
    this.node = look(this::openNode);
    this.group = look(this::openGroup);
  }

  private static Finding look(Supplier<String> attempt) {
    try {
      return new Finding(null, attempt.get());
    } catch (VfioException e) {
      String fact = e.fact().isEmpty() ? e.getMessage() : e.fact();
      return new Finding(Against.of(e.reason()), fact);
    }
  }

  /** What concerns all modes: whether the device can be taken from the rest of the machine. */
  private Finding lookAtGroupMembers() {
    if (isolation.kind() == Kind.NONE) {
      return new Finding(
          Against.NO_IOMMU, isolation + ", and a device without one has no address space");
    }
    List<Member> blockers = isolation.blockers();
    boolean itself = blockers.stream().anyMatch(member -> member.name().equals(device.name()));
    if (!blockers.isEmpty() && !itself) {
      return new Finding(
          Against.NOT_VIABLE,
          "group "
              + device.iommuGroup().orElse(-1)
              + " is not viable because "
              + blockers.stream()
                  .map(member -> member.name() + " is bound to " + member.driver().orElse("?"))
                  .collect(Collectors.joining(", ")));
    }
    return new Finding(null, isolation.toString());
  }

  private String openNode() {
    VfioCdev cdev = VfioCdev.find(device);
    if (!FileHolders.of(kernel, cdev.node()).isEmpty()) {
      throw VfioException.failed(Reason.IN_USE, "open")
          .on("of " + cdev)
          .fact(FileHolders.describe(kernel, cdev.node()))
          .build();
    }
    cdev.open().close();
    return cdev.node() + " can be opened, " + isolation;
  }

  private String openGroup() {
    try (VfioGroup opened = VfioGroup.of(kernel, device)) {
      if (!opened.status().viable()) {
        throw VfioException.failed(Reason.NOT_VIABLE, "open")
            .on("of " + opened)
            .fact("group " + opened.number() + " is in other hands: " + opened.members())
            .build();
      }
      int devices = opened.members().size();
      return "group "
          + opened.number()
          + " is viable ("
          + devices
          + (devices == 1 ? " device)" : " devices)");
    }
  }

  Verdict verdict(VfioMode mode) {
    Finding finding = finding(mode);
    return new Verdict(mode, Optional.ofNullable(finding.against()), finding.evidence());
  }

  private Finding finding(VfioMode mode) {
    // What is bound to no driver of VFIO has neither node nor group, whatever else is said of it.
    if (node.against() == Against.WRONG_DRIVER) {
      return node;
    }
    if (!shared.isFine()) {
      return shared;
    }
    return switch (mode) {
      case IOMMUFD -> byNode(!assignment.allowsShared());
      case BRIDGE_TYPE1, BRIDGE_TYPE1V2 -> byNode(assignment == AssignmentPolicy.STAGE_1);
      case IOMMUFD_COMPAT_TYPE1, IOMMUFD_COMPAT_TYPE1V2 -> first(iommufd, group);
      case VFIO_TYPE1_IOMMU, VFIO_TYPE1V2_IOMMU -> first(container(mode), group);
    };
  }

  private Finding byNode(boolean aloneOnly) {
    if (aloneOnly && isolation.kind() == Kind.SHARED) {
      return new Finding(
          Against.SHARED_GROUP, isolation + ", and " + assignment + " leaves such to groups");
    }
    return first(iommufd, node);
  }

  /** The first that is against it; else what the last one has found. */
  private static Finding first(Finding one, Finding other) {
    return one.isFine() ? other : one;
  }

  private Finding container(VfioMode mode) {
    if (container == null) {
      container = look(() -> openContainer(IommuType.TYPE1_V2));
    }
    return mode == VfioMode.VFIO_TYPE1_IOMMU && container.isFine()
        ? look(() -> openContainer(IommuType.TYPE1))
        : container;
  }

  private String openContainer(IommuType type) {
    try (VfioContainer opened = VfioContainer.open(kernel)) {
      if (opened.isIommufd()) {
        throw VfioException.failed(Reason.NOT_IN_KERNEL, "open")
            .on("of " + opened)
            .fact(opened + " is an iommufd: the kernel has no containers of its own")
            .build();
      }
      if (!opened.supports(type)) {
        throw VfioException.failed(Reason.NOT_IN_KERNEL, "open")
            .on("of " + opened)
            .fact("the kernel has no IOMMU driver of VFIO for " + type)
            .build();
      }
      return opened + " can be opened";
    }
  }
}
