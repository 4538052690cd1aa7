// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * How much there is to read of a device that is still running: VFIO_MIG_GET_PRECOPY_INFO. An
 * estimate, which is over as soon as it is given.
 *
 * @param bits of the kernel's flags, those included that this library does not know
 * @param initialBytes of what is to be there before the device stops, so that it starts quickly on
 *     the other side
 * @param dirtyBytes of what has changed since it was read
 */
public record PreCopyInfo(int bits, long initialBytes, long dirtyBytes) {
  /**
   * Whether the initial data is another one than before, and to be read from the start. Only of a
   * device that was asked for it: {@link Migration#reportNewInitialData()}.
   */
  public boolean isReinitialized() {
    return (bits & VfioDeviceUapi.VFIO_PRECOPY_INFO_REINIT) != 0;
  }
}
