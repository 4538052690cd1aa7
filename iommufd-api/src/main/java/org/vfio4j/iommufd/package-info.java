// SPDX-License-Identifier: Apache-2.0
/**
 * The API of {@code /dev/iommu}: I/O address spaces and page tables as kernel objects.
 *
 * <p>One class stands for each kind of kernel object, with the kernel's own name, and an id of one
 * kind cannot be passed for another. An open iommufd owns what was created in it and stays open as
 * long as a child needs it, whatever the order in which they are closed. An I/O address space is a
 * {@linkplain org.vfio4j.dma DMA space}.
 *
 * <p>The API is device-centric. Nothing in this package depends on VFIO, neither on device files
 * nor on the older way to open them, and an architecture test keeps it so. Devices appear as the
 * ids that a bind has given them.
 */
package org.vfio4j.iommufd;
