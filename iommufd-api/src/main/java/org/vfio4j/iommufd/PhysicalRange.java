// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/**
 * Memory that lies side by side.
 *
 * @param address physical
 * @param length in bytes
 */
public record PhysicalRange(long address, long length) {}
