// SPDX-License-Identifier: Apache-2.0
/**
 * What a driver needs of direct memory access, whichever kernel API gives it.
 *
 * <p>A DMA space maps memory of this process at an I/O virtual address (IOVA) for a device; a DMA
 * buffer is page-aligned or huge-page memory that stays allocated until its unmapping has
 * succeeded. A driver written against this package runs on an IOAS, on a group's container and on
 * the fake alike, for here are contracts only: each module that knows a kernel API implements them.
 */
package org.vfio4j.dma;
