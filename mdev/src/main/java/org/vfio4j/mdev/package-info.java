// SPDX-License-Identifier: Apache-2.0
/**
 * Mediated devices: the types that a parent device offers, and the life of the devices made from
 * them.
 *
 * <p>A mediated device is a share of a physical one that a driver in the kernel hands out and
 * polices. It is created and removed through {@code sysfs}, named by a UUID, and then opened like
 * every other VFIO device. It has no group in hardware, for its isolation is the work of its
 * driver, and the library does not pretend one: its isolation is of a kind of its own, and the
 * device-centric API opens it without a detour.
 *
 * <p>This package reads the types that a parent offers (name, device API, instances left), creates
 * and removes devices, says why either is refused, and tells what comes and goes. Definitions that
 * outlast the machine's running are kept in the files of {@code mdevctl}. It depends on the port to
 * the kernel in {@code linux-sys} and on no other module: it reaches {@code sysfs} under roots that
 * are injected, so that a fake tree serves as well as the host's, and it opens no device file.
 * Opening belongs to {@code vfio-device-cdev} or {@code vfio-group-legacy}, of which neither is
 * seen from here. As everywhere, a parent or a type that is missing is told apart from a request
 * that was wrong.
 */
package org.vfio4j.mdev;
