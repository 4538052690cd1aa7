// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommufd_vevent_header}: what comes before each event of a virtual event queue.
 * Linux 6.15.
 */
public final class IommufdVeventHeader extends Struct {
  public static final int SIZEOF = 8;
  public static final int FLAGS = 0;
  public static final int SEQUENCE = 4;

  public IommufdVeventHeader() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommufdVeventHeader flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int sequence() {
    return getInt(SEQUENCE);
  }

  public IommufdVeventHeader sequence(int value) {
    putInt(SEQUENCE, value);
    return this;
  }
}
