// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.List;
import java.util.OptionalInt;
import org.vfio4j.Errno;
import org.vfio4j.linux.Result;

/**
 * {@code mbochs} of the kernel's samples: virtual displays that share 256 MiB of video memory.
 *
 * <p>Source: {@code samples/vfio-mdev/mbochs.c}.
 */
public final class MbochsDriver implements MediatedDriver {
  /** Below {@code /sys/devices}: where the kernel's module puts its parent. */
  public static final String PARENT = "virtual/mbochs/mbochs";

  private static final List<MediatedType> TYPES =
      List.of(type("small", 4), type("medium", 16), type("large", 64));

  private static final List<Integer> MEBIBYTES = List.of(4, 16, 64);

  /** The largest pictures; 0 for no limit. */
  private static final List<Integer> WIDTHS = List.of(800, 1920, 0);

  private static final List<Integer> HEIGHTS = List.of(600, 1440, 0);

  /** The parameter {@code count} of the module, as it is unless told otherwise. */
  private int left = 256;

  private static MediatedType type(String name, int mebibytes) {
    return new MediatedType(
        name, "mbochs-" + name, "virtual display, " + mebibytes + " MB video memory");
  }

  @Override
  public String name() {
    return "mbochs";
  }

  @Override
  public List<MediatedType> types() {
    return TYPES;
  }

  @Override
  public OptionalInt available(MediatedType type) {
    return OptionalInt.of(left / mebibytes(type));
  }

  private static int mebibytes(MediatedType type) {
    return MEBIBYTES.get(TYPES.indexOf(type));
  }

  @Override
  public Result<MediatedModel> create(MediatedType type, String uuid) {
    int mebibytes = mebibytes(type);
    if (left < mebibytes) {
      return Result.failed(Errno.ENOSPC);
    }
    left -= mebibytes;
    int index = TYPES.indexOf(type);
    return Result.of(
        new MbochsModel(mebibytes, WIDTHS.get(index), HEIGHTS.get(index), () -> left += mebibytes));
  }
}
