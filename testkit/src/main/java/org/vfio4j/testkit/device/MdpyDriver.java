// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.List;
import org.vfio4j.linux.Result;

/**
 * {@code mdpy} of the kernel's samples: virtual displays, whose image is a region to be mapped.
 *
 * <p>Source: {@code samples/vfio-mdev/mdpy.c}.
 */
public final class MdpyDriver implements MediatedDriver {
  /** Below {@code /sys/devices}: where the kernel's module puts its parent. */
  public static final String PARENT = "virtual/mdpy/mdpy";

  private static final List<MediatedType> TYPES =
      List.of(type("vga", 640, 480), type("xga", 1024, 768), type("hd", 1920, 1080));

  private static final List<int[]> SIZES =
      List.of(new int[] {640, 480}, new int[] {1024, 768}, new int[] {1920, 1080});

  private static MediatedType type(String name, int width, int height) {
    return new MediatedType(
        name, "mdpy-" + name, String.format("virtual display, %dx%d framebuffer", width, height));
  }

  @Override
  public String name() {
    return "mdpy";
  }

  @Override
  public List<MediatedType> types() {
    return TYPES;
  }

  /** The parameter {@code count} of the module, as it is unless told otherwise. */
  @Override
  public int maxInstances() {
    return 4;
  }

  @Override
  public Result<MediatedModel> create(MediatedType type, String uuid) {
    int[] size = SIZES.get(TYPES.indexOf(type));
    return Result.of(new MdpyModel(size[0], size[1]));
  }
}
