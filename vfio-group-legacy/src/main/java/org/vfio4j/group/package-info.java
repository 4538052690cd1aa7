// SPDX-License-Identifier: Apache-2.0
/**
 * The group-centric VFIO API: containers, groups and the type1 IOMMU.
 *
 * <p>A group is the smallest set of devices that the hardware can keep apart from the rest. In this
 * generation a program opens the group, puts it into a container, chooses an IOMMU model for the
 * container, and only then gets files of the group's devices. A group is viable while none of its
 * devices is in the hands of a host driver; when it is not, the error names the members and their
 * drivers. A container with an IOMMU is a {@linkplain org.vfio4j.dma DMA space}.
 *
 * <p>{@link org.vfio4j.group.SpaprIommu} and {@link org.vfio4j.group.EehPe} are the calls for POWER
 * servers, which were never run on one.
 *
 * <p>This is also the API that a kernel serves from its compatibility layer, and that the bridge
 * serves on kernels without it. The package depends neither on iommufd nor on device nodes: where
 * an iommufd takes the container's place it is handed in as a plain file descriptor.
 */
package org.vfio4j.group;
