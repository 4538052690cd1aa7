// SPDX-License-Identifier: Apache-2.0
/**
 * Devices as software: what a machine of the fake kernel is made of, and how to write one's own.
 *
 * <p>A {@link org.vfio4j.testkit.device.DeviceModel} serves accesses to registers, and reaches
 * memory and interrupts through its {@link org.vfio4j.testkit.device.DeviceBus}.
 */
package org.vfio4j.testkit.device;
