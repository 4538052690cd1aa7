// SPDX-License-Identifier: Apache-2.0
/**
 * Assertions about fake kernels and refusals, with any test framework: they throw {@link
 * java.lang.AssertionError} and need no library. Start with {@link
 * org.vfio4j.testkit.assertion.VfioAssertions}.
 */
package org.vfio4j.testkit.assertion;
