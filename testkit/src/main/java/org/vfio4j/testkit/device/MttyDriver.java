// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.List;
import java.util.OptionalInt;
import org.vfio4j.Errno;
import org.vfio4j.linux.Result;

/**
 * {@code mtty} of the kernel's samples: 24 serial ports, handed out one by one or in pairs.
 *
 * <p>Source: {@code samples/vfio-mdev/mtty.c}.
 */
public final class MttyDriver implements MediatedDriver {
  /** Below {@code /sys/devices}: where the kernel's module puts its parent. */
  public static final String PARENT = "virtual/mtty/mtty";

  /** How many ports there are. */
  public static final int PORTS = 24;

  private static final List<MediatedType> TYPES =
      List.of(
          new MediatedType("1", "Single port serial"), new MediatedType("2", "Dual port serial"));

  private int left = PORTS;

  @Override
  public String name() {
    return "mtty";
  }

  @Override
  public List<MediatedType> types() {
    return TYPES;
  }

  @Override
  public OptionalInt available(MediatedType type) {
    return OptionalInt.of(left / ports(type));
  }

  private static int ports(MediatedType type) {
    return TYPES.indexOf(type) + 1;
  }

  @Override
  public Result<MediatedModel> create(MediatedType type, String uuid) {
    int ports = ports(type);
    if (left < ports) {
      return Result.failed(Errno.ENOSPC);
    }
    left -= ports;
    return Result.of(new MttyModel(ports, uuid, () -> left += ports));
  }
}
