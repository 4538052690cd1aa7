// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.linux.PciAddress;

/**
 * A PCI function that a hot reset would reset, and who has it.
 *
 * @param address where it is
 * @param owner how the kernel says who has it
 * @param id for {@link Owner#GROUP} the number of the group; for {@link Owner#BOUND} the id of the
 *     device in the iommufd; 0 otherwise
 * @param driver what it is bound to; empty for nothing, and where sysfs does not show it
 */
public record AffectedFunction(PciAddress address, Owner owner, int id, String driver) {
  /** Who has a function. */
  public enum Owner {
    /** Whoever shows the descriptor of its group. */
    GROUP,
    /** This iommufd: the function is bound to it. */
    BOUND,
    /** This iommufd, since a function of the same group is bound to it. */
    OWNED,
    /** Somebody else, or no driver of VFIO. */
    NOT_OWNED
  }

  @Override
  public String toString() {
    return address
        + " ("
        + switch (owner) {
          case GROUP -> "group " + id;
          case BOUND -> "bound, device " + id;
          case OWNED -> "owned with its group";
          case NOT_OWNED -> "not owned";
        }
        + (driver.isEmpty() ? ", no driver" : ", " + driver)
        + ")";
  }
}
