// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.Optional;
import org.vfio4j.device.Graphics.Source;
import org.vfio4j.device.uapi.VfioDeviceGfxPlaneInfo;

/**
 * What a plane of a display shows, at the moment of the question: VFIO_DEVICE_QUERY_GFX_PLANE.
 *
 * @param source where the pixels are
 * @param id the index of the region, or the number of the dma-buf: {@link Graphics#dmaBuf}
 * @param format of the pixels: {@code DRM_FORMAT_}
 * @param formatModifier how they are arranged: {@code DRM_FORMAT_MOD_}
 * @param width in pixels
 * @param height in pixels
 * @param stride bytes from one line to the next
 * @param size in bytes
 * @param x where a cursor is, in pixels
 * @param y where a cursor is, in pixels
 * @param hotspot the pixel of a cursor that points; empty where it is not known
 */
public record GfxPlane(
    Source source,
    int id,
    int format,
    long formatModifier,
    int width,
    int height,
    int stride,
    int size,
    int x,
    int y,
    Optional<Hotspot> hotspot) {
  /** A pixel of a cursor. */
  public record Hotspot(int x, int y) {}

  private static final int UNKNOWN = -1;

  static GfxPlane of(Source source, VfioDeviceGfxPlaneInfo info) {
    boolean unknown = info.xHot() == UNKNOWN && info.yHot() == UNKNOWN;
    return new GfxPlane(
        source,
        info.regionIndex(),
        info.drmFormat(),
        info.drmFormatMod(),
        info.width(),
        info.height(),
        info.stride(),
        info.size(),
        info.xPos(),
        info.yPos(),
        unknown ? Optional.empty() : Optional.of(new Hotspot(info.xHot(), info.yHot())));
  }
}
