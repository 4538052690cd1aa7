// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** Memory of a device, to be handed to other drivers. Nothing reads it here. */
final class DmaBufFile extends OpenFile {
  DmaBufFile() {
    super("/dmabuf:");
  }
}
