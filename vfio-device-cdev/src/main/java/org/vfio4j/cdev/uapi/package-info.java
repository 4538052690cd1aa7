// SPDX-License-Identifier: Apache-2.0
/**
 * The structs, numbers and flags of {@code linux/vfio.h} that concern device nodes.
 *
 * <p>Each struct is one small class over a native block, its offsets constants with the header's
 * names; a test compares every offset, size and request number with the C compiler's view of the
 * header.
 */
package org.vfio4j.cdev.uapi;
