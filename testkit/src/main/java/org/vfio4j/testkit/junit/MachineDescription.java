// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import org.vfio4j.testkit.machine.Machine;

/**
 * Puts devices into a machine. Has a constructor without parameters where an annotation names it.
 */
@FunctionalInterface
public interface MachineDescription {
  /** Called for each kernel anew: device models are not to be shared. */
  void describe(Machine machine);
}
