// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev.uapi;

/** The numbers of {@code linux/vfio.h} that concern device nodes, by their names there. */
public final class VfioCdevUapi {
  public static final int VFIO_DEVICE_BIND_IOMMUFD = 0x3B76;
  public static final int VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3B77;
  public static final int VFIO_DEVICE_DETACH_IOMMUFD_PT = 0x3B78;

  public static final int VFIO_DEVICE_ATTACH_PASID = 1;
  public static final int VFIO_DEVICE_DETACH_PASID = 1;

  /** Linux 6.17. */
  public static final int VFIO_DEVICE_BIND_FLAG_TOKEN = 1;

  private VfioCdevUapi() {}
}
