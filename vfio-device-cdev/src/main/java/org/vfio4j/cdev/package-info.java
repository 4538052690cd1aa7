// SPDX-License-Identifier: Apache-2.0
/**
 * The device-centric VFIO API: device nodes that are found, bound, attached and detached.
 *
 * <p>A device node can be open long before anything protects the system from its device, so the
 * type of a handle is its state. An unbound device can be bound or closed and has no other
 * operation. Binding passes an iommufd, and gives a bound device that keeps the program's own name
 * for it, the cookie; the kernel takes none. A bound device is attached to an I/O address space or
 * to a page table, may be moved to another in one step, and leaves its context when its file is
 * closed, never before.
 *
 * <p>Whether a device is isolated is a question with an answer here (alone, shared with others,
 * mediated, or without an IOMMU), with the evidence, and no caller has to name a group to get it.
 * The package builds on the open device file and on iommufd, and knows nothing of the group-centric
 * API.
 */
package org.vfio4j.cdev;
