// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.FileTree.Attribute;
import org.vfio4j.testkit.kernel.FileTree.Node;
import org.vfio4j.testkit.kernel.FileTree.Special;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.Machine.Capability;
import org.vfio4j.testkit.machine.NodeAccess;

/**
 * Who may open which file.
 *
 * <p>As devtmpfs and sysfs make them, everything is root's: device nodes that are for everybody,
 * those that are not, and attributes that can be read by all and written by root.
 */
final class Permissions {
  private static final Set<String> FOR_EVERYBODY = Set.of("/dev/null", "/dev/vfio/vfio");
  private static final NodeAccess EVERYBODY = new NodeAccess(0, 0, 0666);
  private static final NodeAccess ROOT = new NodeAccess(0, 0, 0600);
  private static final NodeAccess READABLE = new NodeAccess(0, 0, 0644);
  private static final NodeAccess WRITE_ONLY = new NodeAccess(0, 0, 0200);

  private final Machine machine;

  Permissions(Machine machine) {
    this.machine = machine;
  }

  /** EACCES where the process may not. */
  void check(String path, Node node, boolean read, boolean write) {
    if (!machine.has(Capability.CAP_DAC_OVERRIDE)) {
      boolean may = of(path, node).allows(machine.user(), machine.group(), read, write);
      KernelError.refuseIf(!may, Errno.EACCES);
    }
  }

  private NodeAccess of(String path, Node node) {
    if (node instanceof Special) {
      return machine.node(path).orElse(FOR_EVERYBODY.contains(path) ? EVERYBODY : ROOT);
    }
    boolean hidden = node instanceof Attribute attribute && attribute.show() == null;
    return hidden ? WRITE_ONLY : READABLE;
  }
}
