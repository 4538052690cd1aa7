// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;

/**
 * An open VFIO device file that answers, however it was opened.
 *
 * <p>Thread safe.
 */
public class VfioDevice extends FileObject {
  /**
   * Owns {@code fd} from here on.
   *
   * @param name the device, for messages: {@code 0000:00:05.0}
   * @param afterClose what else is to be given back when the file has been closed; must not refer to
   *     this object
   * @param parents what must stay open for as long as the device is
   */
  protected VfioDevice(
      Kernel kernel, int fd, String name, Runnable afterClose, Lifetime... parents) {
    super(kernel, fd, name, afterClose, parents);
  }

  /** Takes over a device file descriptor that was opened, and bound, elsewhere. */
  public static VfioDevice adopt(Kernel kernel, int fd, String name) {
    return new VfioDevice(kernel, fd, name, () -> {});
  }
}
