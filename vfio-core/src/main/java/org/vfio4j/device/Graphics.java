// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceGfxPlaneInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * The picture of a device that has a display, as mediated graphics devices do.
 *
 * <p>Such a device shows each of its planes either as a region or as a dma-buf. Thread safe. Linux
 * 4.16. Source: {@code include/uapi/linux/vfio.h}, and the driver of the device.
 */
public final class Graphics {
  private static final String QUERY = "VFIO_DEVICE_QUERY_GFX_PLANE";
  private static final String GET_DMABUF = "VFIO_DEVICE_GET_GFX_DMABUF";

  /** How a device shows its picture. */
  public enum Source {
    /** As a region of the device, to be mapped. */
    REGION(VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_REGION),
    /** As a dma-buf, to be handed to what draws. */
    DMABUF(VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_DMABUF);

    private final int flag;

    Source(int flag) {
      this.flag = flag;
    }
  }

  /** A part of the picture: {@code DRM_PLANE_TYPE_}. */
  public enum Plane {
    OVERLAY(0),
    PRIMARY(1),
    CURSOR(2);

    private final int number;

    Plane(int number) {
      this.number = number;
    }

    /** {@code DRM_PLANE_TYPE_}. */
    public int number() {
      return number;
    }
  }

  private final VfioDevice device;

  Graphics(VfioDevice device) {
    this.device = device;
  }

  /**
   * Whether the device shows its picture so.
   *
   * @throws VfioException when the question itself is refused
   */
  public boolean shows(Source source) {
    VfioDeviceGfxPlaneInfo probe = new VfioDeviceGfxPlaneInfo();
    int result = query(probe.flags(VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_PROBE | source.flag));
    if (Errno.EINVAL.is(result) || Errno.ENOTTY.is(result)) {
      return false;
    }
    if (result < 0) {
      throw refused(QUERY, "to probe " + source, result);
    }
    return true;
  }

  /**
   * What a plane shows now.
   *
   * @return empty while it shows nothing: nobody has set it up
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EINVAL or ENOTTY when the device does not
   *     show such a plane so)
   */
  public Optional<GfxPlane> plane(Source source, Plane plane) {
    VfioDeviceGfxPlaneInfo info =
        new VfioDeviceGfxPlaneInfo().flags(source.flag).drmPlaneType(plane.number);
    int result = query(info);
    if (result < 0) {
      throw refused(QUERY, "for " + plane + " as " + source, result);
    }
    return info.drmFormat() == 0 ? Optional.empty() : Optional.of(GfxPlane.of(source, info));
  }

  /**
   * The dma-buf of a plane that {@link #plane} told of. It keeps the device's file open until it is
   * closed.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: ENOENT or EINVAL when the plane shows
   *     something else by now)
   */
  public DmaBuf dmaBuf(GfxPlane plane) {
    if (plane.source() != Source.DMABUF) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, GET_DMABUF)
          .on("of " + device)
          .fact("the plane is in region " + plane.id())
          .build();
    }
    device.lifetime().enter();
    try {
      NativeBlock id = new NativeBlock(Integer.BYTES);
      id.putInt(0, plane.id());
      int fd =
          device
              .kernel()
              .ioctl(device.fdForChildren(), VfioDeviceUapi.VFIO_DEVICE_GET_GFX_DMABUF, id);
      if (fd < 0) {
        throw refused(GET_DMABUF, "number " + plane.id(), fd);
      }
      return new DmaBuf(device, fd, "dma-buf " + plane.id() + " of " + device);
    } finally {
      device.lifetime().leave();
    }
  }

  private int query(VfioDeviceGfxPlaneInfo info) {
    device.lifetime().enter();
    try {
      return device
          .kernel()
          .ioctl(device.fdForChildren(), VfioDeviceUapi.VFIO_DEVICE_QUERY_GFX_PLANE, info);
    } finally {
      device.lifetime().leave();
    }
  }

  private VfioException refused(String operation, String what, long result) {
    String object = what + " of " + device;
    boolean query = operation.equals(QUERY);
    return switch (Errno.ofResult(result)) {
      case EINVAL, ENOENT ->
          VfioException.failed(query ? Reason.NOT_SUPPORTED : Reason.INVALID_ARGUMENT, operation)
              .on(object)
              .result(result)
              .fact(
                  query
                      ? "the device does not show such a plane so"
                      : "there is no such dma-buf any more")
              .hint(query ? "ask shows() first" : "ask for the plane again")
              .build();
      case ENOTTY ->
          VfioException.failed(Reason.NOT_SUPPORTED, operation)
              .on(object)
              .result(result)
              .fact("the device has no display that VFIO shows")
              .build();
      default -> DeviceErrors.failed(operation, object, result);
    };
  }

  @Override
  public String toString() {
    return "graphics of " + device;
  }
}
