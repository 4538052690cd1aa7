// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

/**
 * An array that the argument of an ioctl points to.
 *
 * @param pointer offset of its address in the argument
 * @param count offset of the number of its elements, 32 bits
 * @param size of an element in bytes
 */
public record IoctlArray(int pointer, int count, int size) {}
