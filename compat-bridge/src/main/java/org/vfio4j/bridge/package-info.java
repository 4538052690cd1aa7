// SPDX-License-Identifier: Apache-2.0
/**
 * The bridge from the group-centric API to the device-centric one, and the plan by which a device
 * is opened.
 *
 * <p>The bridge is itself a port to the kernel, laid over another. It offers the container, the
 * groups and their ioctls to whoever calls them, and serves them with device nodes and iommufd on
 * the kernel below, as the kernel's own compatibility layer does, but in places where that layer is
 * not built in, and under a policy that the caller has chosen. Code written for groups runs on it
 * unchanged, whether it uses {@code vfio-group-legacy} or the port directly. Where the result
 * cannot be the same as with a real container the difference is listed, and tested.
 *
 * <p>The policy says which devices may take the device-centric way: those that are alone in their
 * group and mediated ones at first; at the second stage also those of a shared group, if it is
 * viable and all of its devices have one address space. It is checked before any device file is
 * bound, and a refusal names the members of the group, their drivers, and what to do. The opening
 * plan applies the same policy to programs that use the device-centric API themselves. It names the
 * mode in which a device would be opened and, for every other mode, the reason against it with its
 * evidence. Nothing falls back silently.
 *
 * <p>This is the lowest module that sees both generations, and so the one place where they may be
 * compared and joined. It depends on all modules below it; of those, none knows of it. Its state is
 * reached through the port alone: a bridge over a fake kernel is as good as one over a real one.
 */
package org.vfio4j.bridge;
