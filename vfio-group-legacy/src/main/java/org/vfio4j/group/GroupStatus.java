// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

/**
 * What VFIO_GROUP_GET_STATUS says.
 *
 * @param viable whether no device of the group is in the hands of a host driver or of another user;
 *     always set once the group is in a container
 * @param containerSet whether the group is in a container
 */
public record GroupStatus(boolean viable, boolean containerSet) {}
