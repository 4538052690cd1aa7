// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import org.vfio4j.Errno;
import org.vfio4j.linux.Result;

/** What a {@link MediatedModel} implements beside that to be one with a display. */
public interface Graphical {
  /**
   * What a plane shows.
   *
   * @param format {@code DRM_FORMAT_}; 0 while it shows nothing
   * @param modifier {@code DRM_FORMAT_MOD_}
   * @param width in pixels
   * @param height in pixels
   * @param stride bytes from one line to the next
   * @param size in bytes
   * @param id index of the region that it is in, or number of the dma-buf
   */
  record Picture(int format, long modifier, int width, int height, int stride, int size, int id) {
    /** Nothing. */
    public static final Picture NONE = new Picture(0, 0, 0, 0, 0, 0, 0);
  }

  /** Whether pictures are dma-bufs; they are regions otherwise. */
  boolean showsDmaBufs();

  /**
   * What a plane shows now.
   *
   * @param plane {@code DRM_PLANE_TYPE_}
   * @return failed with what the question is to fail with
   */
  Result<Picture> picture(int plane);

  /**
   * Whether there is a dma-buf with this number.
   *
   * @return 0, or the negative errno
   */
  default int dmaBuf(int id) {
    return Errno.ENOENT.result();
  }
}
