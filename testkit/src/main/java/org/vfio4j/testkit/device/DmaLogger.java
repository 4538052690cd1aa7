// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.List;
import org.vfio4j.dma.IovaRange;

/**
 * What a {@link DeviceModel} or a {@link MediatedModel} implements beside that to be one that notes
 * where it writes. {@link WriteLog} does the noting.
 */
public interface DmaLogger {
  /**
   * Begins to note.
   *
   * @param pageSize what is asked for, in bytes
   * @param ranges of whole pages, which do not overlap
   * @return the page size that is used, or the negative errno
   */
  long startLogging(long pageSize, List<IovaRange> ranges);

  /**
   * Stops to note.
   *
   * @return 0, or the negative errno
   */
  int stopLogging();

  /**
   * Reports what was written in a range since the last report, and forgets it.
   *
   * @return 0, or the negative errno
   */
  int reportWrites(long iova, long length, Dirty dirty);

  /** Takes what was written. */
  interface Dirty {
    /** Of {@code length} bytes from {@code iova} on something was written. */
    void mark(long iova, long length);
  }
}
