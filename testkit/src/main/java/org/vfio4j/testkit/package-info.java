// SPDX-License-Identifier: Apache-2.0
/**
 * A kernel in memory, with device models behind it, for tests that need neither hardware nor
 * privileges.
 *
 * <p>The fake kernel implements the port of {@code linux-sys} by the kernel's rules: who may open
 * what, which state allows which call, what every field of an answer holds, and which errno follows
 * from which mistake. Behind it stand devices with registers, interrupts and DMA that obeys the
 * mappings in force, and a driver under test finds out what it would find out on the machine.
 * {@link org.vfio4j.testkit.junit.FakeVfio} gives a JUnit test its kernel, {@link
 * org.vfio4j.testkit.failure.FailureSweep} lets calls fail, {@link
 * org.vfio4j.testkit.trace.ReplayKernel} plays a recording; {@code docs/testkit.md} teaches all of
 * it.
 *
 * <p>It is meant for programs that use the library as much as for the library itself, so it is
 * published, and its public API is kept as stable as the rest. It depends on all the other
 * published modules, since it shares their structs and numbers and serves both generations and the
 * bridge; no published module depends on it, and no class of it is needed at run time. JUnit is
 * needed only by those who use the extension.
 *
 * <p>What the fake answers is never a matter of opinion. The scenarios of {@code kernel-lab} run on
 * the fake and on a real kernel with the same assertions. Where the two differ, the kernel is
 * right.
 *
 * <h2>What is modelled</h2>
 *
 * <ul>
 *   <li>Files: descriptors and what they share, eventfd, poll, anonymous memory of this JVM, the
 *       parts of /sys, /proc and /dev that concern devices, drivers, groups and limits; binding and
 *       unbinding of drivers, also under a device that is open.
 *   <li>/dev/iommu: IOMMU_DESTROY, IOAS_ALLOC, IOAS_ALLOW_IOVAS, IOAS_COPY, IOAS_IOVA_RANGES,
 *       IOAS_MAP, IOAS_UNMAP, OPTION and VFIO_IOAS; page tables that attaching makes; pinning at
 *       the first attach; RLIMIT_MEMLOCK per user and per process; the calls of a container on it.
 *   <li>Page tables of hardware that programs make, with what is told of the IOMMU (HWPT_ALLOC,
 *       GET_HW_INFO); dirty tracking, which transfers of device models leave their marks in; page
 *       tables of guests, which transfers are led through, and invalidation; page faults and their
 *       answers. Which release has which call, struct and flag. What the IOMMU can says {@link
 *       org.vfio4j.testkit.machine.MachineIommu}; the mock devices of the kernel's self-test are
 *       there with {@link org.vfio4j.testkit.machine.Machine#iommufdTest}.
 *   <li>Of what came after 6.12: mappings of files ({@link
 *       org.vfio4j.testkit.FakeKernel#memoryFile}) and of dma-bufs, change of process, device nodes
 *       without an IOMMU and their physical addresses, and virtual IOMMUs with their devices,
 *       events, queues and memory of /dev/iommu: those of the mock devices, of SMMUv3, of Nvidia's
 *       Tegra241 and of AMD.
 *   <li>Device nodes: bind, attach, replace, detach, PASIDs. Groups: viability and ownership
 *       against host drivers, other groups and device nodes; containers with type1, type1v2 (dirty
 *       pages, exchanged memory) and no IOMMU.
 *   <li>PCI functions under vfio-pci: information, regions by system call and by mapping, memory
 *       decoding, the virtual parts of the configuration space, interrupts of all five indexes and
 *       MSI-X that grows, ioeventfds, reset, hot reset in both ownership models, low power; SR-IOV
 *       and the tokens of virtual functions.
 *   <li>Features of devices: migration with its state machine and streams, DMA logging, for models
 *       that offer them.
 *   <li>Mediated devices: parents and types in /sys, creating and removing, their made-up groups,
 *       access to an IOAS without a page table, displays, and the kernel's samples mtty, mdpy and
 *       mbochs.
 *   <li>DMA of device models through what is mapped, with faults recorded.
 * </ul>
 *
 * <h2>What is not</h2>
 *
 * <p>A call that is not modelled answers ENOTTY, as a kernel without it does. Not there are
 * parameters of modules other than dma_entry_limit, enable_sriov and enable_unsafe_noiommu_mode,
 * resets of slots, and debugfs. A device in the hands of the host reaches no memory, nor does one
 * that came from a group without an IOMMU. Power states other than D0 do not exist. 5.15 tests
 * viability as later releases do. /proc/self/mem and /proc/self/maps of this JVM stand in for the
 * kernel's view of memory that did not come from the fake, which must not be unmapped while a
 * device may reach it.
 *
 * <p>Of iommufd's self-test there is nothing about accesses of the kernel's own. Pages of an IOMMU
 * are never large, and guests' page tables are never kept.
 *
 * <p>Of mediated devices not there are unbinding one from its driver, pages that a driver keeps
 * pinned, kernels before 6.1, which named their groups and drivers otherwise, and of the samples
 * what their classes say.
 *
 * <p>A device may read what is mapped for writing only, as behind the lab's emulated VT-d.
 */
package org.vfio4j.testkit;
