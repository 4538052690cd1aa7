// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureBusMaster;
import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * Which features a device has, and those of them that need no class of their own.
 *
 * <p>Features are found out by asking, never by the release of the kernel: distributions carry
 * newer ones back, and most depend on the driver of the device.
 *
 * <p>Thread safe. Linux 5.7. Source: {@code drivers/vfio/vfio_main.c}.
 */
public final class DeviceFeatures {
  private final VfioDevice device;

  DeviceFeatures(VfioDevice device) {
    this.device = device;
  }

  /**
   * Whether the device has the feature, with all that {@link DeviceFeature#access()} says.
   *
   * @throws VfioException when the kernel refuses the question itself ({@link Reason#WRONG_STATE}:
   *     the file is not bound)
   */
  public boolean has(DeviceFeature feature) {
    int flags = VfioDeviceUapi.VFIO_DEVICE_FEATURE_PROBE | feature.access().flags();
    int result = call(device, feature, flags, new VfioDeviceFeature(0));
    // EOPNOTSUPP: what a kernel says that was built without what the feature needs.
    if (Errno.ENOTTY.is(result) || Errno.EOPNOTSUPP.is(result)) {
      return false;
    }
    if (result < 0) {
      throw DeviceErrors.feature(device, feature, "to ask for", result);
    }
    return true;
  }

  /** All that the device has. */
  public Set<DeviceFeature> all() {
    return device.kernelFeatures().present();
  }

  /**
   * Sets the secret that who opens a virtual function of this physical function must show; and who
   * opens this function while one of those is open. Until it is set it is random, and nobody knows
   * it.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY when it is no physical function
   *     with SR-IOV under vfio-pci)
   */
  public void setVfToken(VfToken token) {
    VfioDeviceFeature set = new VfioDeviceFeature(VfToken.SIZE);
    set.put(VfioDeviceFeature.DATA, token.bytes());
    set(device, DeviceFeature.PCI_VF_TOKEN, set);
  }

  /**
   * Lets a device without a configuration space do DMA and interrupt, or not. For a PCI function
   * see {@link PciConfigSpace#enableBusMaster}.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY of all but CDX devices)
   */
  public void setBusMaster(boolean on) {
    VfioDeviceFeature set = new VfioDeviceFeature(VfioDeviceFeatureBusMaster.SIZEOF);
    set.putInt(
        VfioDeviceFeature.DATA + VfioDeviceFeatureBusMaster.OP,
        on
            ? VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET_MASTER
            : VfioDeviceUapi.VFIO_DEVICE_FEATURE_CLEAR_MASTER);
    set(device, DeviceFeature.BUS_MASTER, set);
  }

  static void get(VfioDevice device, DeviceFeature feature, VfioDeviceFeature data) {
    int result = call(device, feature, VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET, data);
    if (result < 0) {
      throw DeviceErrors.feature(device, feature, "to get", result);
    }
  }

  static void set(VfioDevice device, DeviceFeature feature, VfioDeviceFeature data) {
    int result = call(device, feature, VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET, data);
    if (result < 0) {
      throw DeviceErrors.feature(device, feature, "to set", result);
    }
  }

  /**
   * VFIO_DEVICE_FEATURE with {@code data} behind its header.
   *
   * @return what the ioctl returns
   */
  static int call(VfioDevice device, DeviceFeature feature, int flags, VfioDeviceFeature data) {
    device.lifetime().enter();
    try {
      data.flags(flags | feature.number());
      return device
          .kernel()
          .ioctl(device.fdForChildren(), VfioDeviceUapi.VFIO_DEVICE_FEATURE, data);
    } finally {
      device.lifetime().leave();
    }
  }

  @Override
  public String toString() {
    return "features of " + device;
  }
}
