// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_DMABUF;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_PROBE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_REGION;

import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceGfxPlaneInfo;
import org.vfio4j.linux.Result;
import org.vfio4j.testkit.device.Graphical;
import org.vfio4j.testkit.device.Graphical.Picture;

/**
 * Questions for the picture of a device.
 *
 * <p>Source: {@code samples/vfio-mdev/mdpy.c} and {@code mbochs.c}.
 */
final class Graphics {
  /** Up to the region or the dma-buf. */
  private static final int MIN_SIZE = 60;

  private final Core core;
  private final Graphical model;

  Graphics(Core core, Graphical model) {
    this.core = core;
    this.model = model;
  }

  void plane(UserPointer plane) {
    plane.argsz(MIN_SIZE);
    int source = model.showsDmaBufs() ? VFIO_GFX_PLANE_TYPE_DMABUF : VFIO_GFX_PLANE_TYPE_REGION;
    int flags = plane.getInt(VfioDeviceGfxPlaneInfo.FLAGS);
    KernelError.refuseIf((flags & ~VFIO_GFX_PLANE_TYPE_PROBE) != source, Errno.EINVAL);
    if ((flags & VFIO_GFX_PLANE_TYPE_PROBE) != 0) {
      return;
    }
    Result<Picture> answer = model.picture(plane.getInt(VfioDeviceGfxPlaneInfo.DRM_PLANE_TYPE));
    if (!answer.isOk()) {
      throw KernelError.of(answer.errno());
    }
    Picture picture = answer.value();
    plane.putInt(VfioDeviceGfxPlaneInfo.DRM_FORMAT, picture.format());
    plane.putLong(VfioDeviceGfxPlaneInfo.DRM_FORMAT_MOD, picture.modifier());
    plane.putInt(VfioDeviceGfxPlaneInfo.WIDTH, picture.width());
    plane.putInt(VfioDeviceGfxPlaneInfo.HEIGHT, picture.height());
    plane.putInt(VfioDeviceGfxPlaneInfo.STRIDE, picture.stride());
    plane.putInt(VfioDeviceGfxPlaneInfo.SIZE, picture.size());
    plane.putInt(VfioDeviceGfxPlaneInfo.X_POS, 0);
    plane.putInt(VfioDeviceGfxPlaneInfo.Y_POS, 0);
    plane.putInt(VfioDeviceGfxPlaneInfo.X_HOT, 0);
    plane.putInt(VfioDeviceGfxPlaneInfo.Y_HOT, 0);
    plane.putInt(VfioDeviceGfxPlaneInfo.REGION_INDEX, picture.id());
  }

  /** Gives a descriptor. */
  int dmaBuf(UserPointer id) {
    KernelError.refuseIf(!model.showsDmaBufs(), Errno.ENOTTY);
    int answer = model.dmaBuf(id.getInt(0));
    if (answer < 0) {
      throw KernelError.of(Errno.ofResult(answer));
    }
    return core.files().add(new DmaBufFile());
  }
}
