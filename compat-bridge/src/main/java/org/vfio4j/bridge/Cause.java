// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

/**
 * The legacy call that something is done for.
 *
 * @param mode of its container; null where that has no IOMMU, or the call belongs to none
 */
record Cause(VfioMode mode, LegacyCall call) {}
