// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.function.Function;
import java.util.function.Supplier;
import org.vfio4j.linux.Result;

/**
 * A file that a driver adds to the folder of a mediated device.
 *
 * @param show the content, its line feed with it; null where it cannot be read
 * @param store takes what was written, and gives the failure or how many bytes were taken; null
 *     where it cannot be written
 */
public record MediatedAttribute(Supplier<String> show, Function<String, Result<Integer>> store) {
  /** One that is only read. */
  public static MediatedAttribute of(Supplier<String> show) {
    return new MediatedAttribute(show, null);
  }
}
