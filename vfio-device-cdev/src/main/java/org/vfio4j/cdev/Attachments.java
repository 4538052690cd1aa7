// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a device is attached to: without a PASID, and with each of its PASIDs.
 *
 * <p>Needed when the device is released, so it may not refer to it: see {@link AttachedTo}.
 */
final class Attachments {
  private final AttachedTo withoutPasid = new AttachedTo(AttachedTo.NO_PASID);
  private final Map<Integer, AttachedTo> pasids = new ConcurrentHashMap<>();

  AttachedTo withoutPasid() {
    return withoutPasid;
  }

  AttachedTo with(int pasid) {
    return pasids.computeIfAbsent(pasid, AttachedTo::new);
  }

  /** The kernel has detached the device. */
  void letGo() {
    withoutPasid.letGo();
    pasids.values().forEach(AttachedTo::letGo);
  }
}
