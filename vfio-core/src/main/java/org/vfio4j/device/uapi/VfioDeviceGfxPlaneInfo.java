// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_gfx_plane_info}: the argument of VFIO_DEVICE_QUERY_GFX_PLANE. Linux
 * 4.16.
 */
public final class VfioDeviceGfxPlaneInfo extends Struct {
  public static final int SIZEOF = 64;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int DRM_PLANE_TYPE = 8;
  public static final int DRM_FORMAT = 12;
  public static final int DRM_FORMAT_MOD = 16;
  public static final int WIDTH = 24;
  public static final int HEIGHT = 28;
  public static final int STRIDE = 32;
  public static final int SIZE = 36;
  public static final int X_POS = 40;
  public static final int Y_POS = 44;
  public static final int X_HOT = 48;
  public static final int Y_HOT = 52;
  public static final int REGION_INDEX = 56;
  public static final int DMABUF_ID = 56;

  public VfioDeviceGfxPlaneInfo() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceGfxPlaneInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceGfxPlaneInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int drmPlaneType() {
    return getInt(DRM_PLANE_TYPE);
  }

  public VfioDeviceGfxPlaneInfo drmPlaneType(int value) {
    putInt(DRM_PLANE_TYPE, value);
    return this;
  }

  public int drmFormat() {
    return getInt(DRM_FORMAT);
  }

  public VfioDeviceGfxPlaneInfo drmFormat(int value) {
    putInt(DRM_FORMAT, value);
    return this;
  }

  public long drmFormatMod() {
    return getLong(DRM_FORMAT_MOD);
  }

  public VfioDeviceGfxPlaneInfo drmFormatMod(long value) {
    putLong(DRM_FORMAT_MOD, value);
    return this;
  }

  public int width() {
    return getInt(WIDTH);
  }

  public VfioDeviceGfxPlaneInfo width(int value) {
    putInt(WIDTH, value);
    return this;
  }

  public int height() {
    return getInt(HEIGHT);
  }

  public VfioDeviceGfxPlaneInfo height(int value) {
    putInt(HEIGHT, value);
    return this;
  }

  public int stride() {
    return getInt(STRIDE);
  }

  public VfioDeviceGfxPlaneInfo stride(int value) {
    putInt(STRIDE, value);
    return this;
  }

  public int size() {
    return getInt(SIZE);
  }

  public VfioDeviceGfxPlaneInfo size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int xPos() {
    return getInt(X_POS);
  }

  public VfioDeviceGfxPlaneInfo xPos(int value) {
    putInt(X_POS, value);
    return this;
  }

  public int yPos() {
    return getInt(Y_POS);
  }

  public VfioDeviceGfxPlaneInfo yPos(int value) {
    putInt(Y_POS, value);
    return this;
  }

  public int xHot() {
    return getInt(X_HOT);
  }

  public VfioDeviceGfxPlaneInfo xHot(int value) {
    putInt(X_HOT, value);
    return this;
  }

  public int yHot() {
    return getInt(Y_HOT);
  }

  public VfioDeviceGfxPlaneInfo yHot(int value) {
    putInt(Y_HOT, value);
    return this;
  }

  public int regionIndex() {
    return getInt(REGION_INDEX);
  }

  public VfioDeviceGfxPlaneInfo regionIndex(int value) {
    putInt(REGION_INDEX, value);
    return this;
  }

  public int dmabufId() {
    return getInt(DMABUF_ID);
  }

  public VfioDeviceGfxPlaneInfo dmabufId(int value) {
    putInt(DMABUF_ID, value);
    return this;
  }
}
