// SPDX-License-Identifier: Apache-2.0
/**
 * An open VFIO device file: regions, configuration space, interrupts and reset.
 *
 * <p>From the moment a device file is usable it makes no difference how it was opened, and this
 * package does not know. It reads what the device says about itself, maps its regions, walks its
 * PCI capabilities, delivers its interrupts through event descriptors, and resets it. Opening,
 * binding and attaching are the business of the modules above, one for each generation of the
 * kernel API.
 */
package org.vfio4j.device;
