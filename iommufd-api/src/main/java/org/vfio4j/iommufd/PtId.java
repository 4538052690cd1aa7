// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/** {@code pt_id}: the id of what a device can be attached to. */
public sealed interface PtId permits IoasId, HwptId {
  /** Unsigned, never 0. Lowest free number; used again after the object is destroyed. */
  int value();
}
