// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

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
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.SysfsDevice;

/** Who is in a group, as sysfs shows it now, and what is to be said against using it. */
final class GroupMembers {
  private static final Pattern NODE = Pattern.compile("(noiommu-)?vfio[0-9]{1,10}");

  private final Kernel below;
  private final AssignmentPolicy policy;
  private final int number;
  private final String folder;

  GroupMembers(Kernel below, AssignmentPolicy policy, int number) {
    this.below = below;
    this.policy = policy;
    this.number = number;
    this.folder = below.roots().sys("kernel/iommu_groups/" + number + "/devices");
  }

  /** Where there is no such folder there is nothing in it; where it cannot be seen is no answer. */
  private List<String> list(String path) throws BridgeRefusal {
    Result<List<String>> names = below.list(path);
    if (Errno.EMFILE.is(names.code()) || Errno.ENFILE.is(names.code())) {
      throw BridgeRefusal.of(names.errno());
    }
    return names.orElse(List.of());
  }

  private List<String> vfioDevices(String member) throws BridgeRefusal {
    return list(folder + "/" + member + "/vfio-dev");
  }

  /** One that VFIO has; null where it has none. */
  String first() throws BridgeRefusal {
    for (String member : list(folder)) {
      if (!vfioDevices(member).isEmpty()) {
        return member;
      }
    }
    return null;
  }

  /** The nodes of those that VFIO has, by name. */
  Map<String, String> nodes() throws BridgeRefusal {
    Map<String, String> nodes = new LinkedHashMap<>();
    for (String member : list(folder)) {
      String node = node(member);
      if (node != null) {
        nodes.put(member, node);
      }
    }
    return nodes;
  }

  /** As {@link #nodes}; ENODEV where there are none. */
  Map<String, String> someNodes() throws BridgeRefusal {
    Map<String, String> nodes = nodes();
    BridgeRefusal.refuseIf(nodes.isEmpty(), Errno.ENODEV);
    return nodes;
  }

  /** The node of a member; null where there is no such member, or VFIO does not have it. */
  String node(String member) throws BridgeRefusal {
    if (list(folder).contains(member)) {
      for (String name : vfioDevices(member)) {
        if (NODE.matcher(name).matches()) {
          return below.roots().dev("vfio/devices/" + name);
        }
      }
    }
    return null;
  }

  Isolation isolation(String member) throws BridgeRefusal {
    try {
      return Isolation.of(SysfsDevice.at(below, folder + "/" + member));
    } catch (VfioException e) {
      throw BridgeRefusal.of(
          e.errno().orElse(Errno.ENODEV), new Explanation(e.reason(), e.fact(), e.hint()));
    }
  }

  /** Why the group is not to be used: by its members' drivers, or by policy; null for no reason. */
  Explanation againstUse() throws BridgeRefusal {
    Isolation isolation = isolation(someNodes().keySet().iterator().next());
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
    if (isolation.kind() == Isolation.Kind.SHARED && !policy.allowsShared()) {
      return new Explanation(
          Reason.NOT_VIABLE,
          "group "
              + number
              + " is shared: it has "
              + members
              + ", and the policy "
              + policy
              + " bridges devices that are alone in their group",
          "AssignmentPolicy."
              + AssignmentPolicy.STAGE_2
              + " takes all of them into one address space, "
              + AssignmentPolicy.STAGE_1_OR_GROUPS
              + " uses the kernel's own group API for them");
    }
    return null;
  }
}
