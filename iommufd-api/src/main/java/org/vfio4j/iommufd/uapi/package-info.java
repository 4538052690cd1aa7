// SPDX-License-Identifier: Apache-2.0
/**
 * The structs, numbers and flags of {@code linux/iommufd.h}.
 *
 * <p>Each struct is one small class over a native block, its offsets constants with the header's
 * names; a test compares every offset, size and request number with the C compiler's view of the
 * header. There is no behaviour here. Programs need this package only for calls that the typed API
 * does not make.
 */
package org.vfio4j.iommufd.uapi;
