// SPDX-License-Identifier: Apache-2.0
/**
 * The port to the kernel: every system call that the library makes, as an interface.
 *
 * <p>Nothing in the modules above calls the operating system in another way. Device files, ioctls,
 * mappings, event descriptors, polling, and what is read and written under {@code /sys} and {@code
 * /dev} all pass through this port, so a scenario written against it runs unchanged on the real
 * kernel, on a fake one, on a bridge between the two generations of the API, and under a trace. The
 * port knows numbers, bytes and addresses; it knows neither groups nor I/O address spaces nor PCI.
 *
 * <p>Beside the port live what any caller of it needs: errors of the kernel as a type, owned file
 * descriptors that close once and are never used after that, and the exception that says what
 * failed, on which object, and what a person can do.
 */
package org.vfio4j.linux;
