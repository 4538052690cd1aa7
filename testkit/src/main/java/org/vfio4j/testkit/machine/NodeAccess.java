// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

/**
 * Owner, group and permission bits of a file.
 *
 * @param mode the lower nine bits: 0660
 */
public record NodeAccess(int uid, int gid, int mode) {
  private static final int READ = 4;
  private static final int WRITE = 2;
  private static final int OWNER_SHIFT = 6;
  private static final int GROUP_SHIFT = 3;

  /** Whether somebody with these ids, and no capability, may read or write it as wanted. */
  public boolean allows(int user, int group, boolean read, boolean write) {
    int shift = user == uid ? OWNER_SHIFT : group == gid ? GROUP_SHIFT : 0;
    int wanted = (read ? READ : 0) | (write ? WRITE : 0);
    return ((mode >>> shift) & wanted) == wanted;
  }
}
