// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel in memory: one class for each kind of object that Linux has, with its rules.
 *
 * <p>A call finds the open file behind its descriptor, which does what the kernel does, in the
 * kernel's order of checks; a refusal is thrown as an errno and becomes the result of the call. One
 * lock makes each call atomic. DMA of a device model goes through the group of the device to the
 * space that it is attached to, and from there to the memory that the test gave.
 */
package org.vfio4j.testkit.kernel;
