// SPDX-License-Identifier: Apache-2.0
/**
 * The structs, numbers and flags of {@code linux/vfio.h} that concern an open device file.
 *
 * <p>Each struct is one small class over a native block, its offsets constants with the header's
 * names; a test compares every offset, size and request number with the C compiler's view of the
 * header. The chains of capabilities that follow some answers are walked with their bounds checked,
 * since the kernel may append kinds that we do not know.
 */
package org.vfio4j.device.uapi;
