// SPDX-License-Identifier: Apache-2.0
/**
 * Native memory with an owner, and memory that a device or the kernel shares with us.
 *
 * <p>Blocks hold the structs of system calls. They are zeroed before use, as reserved fields must
 * be, and a struct class is a set of named offsets over one. Mappings of device memory have
 * accessors whose width is exact (a 32-bit access is one 32-bit access), ordered, and little-endian
 * where the name says so. What has been closed throws when it is touched: neither the JVM nor the
 * device sees the access.
 */
package org.vfio4j.memory;
