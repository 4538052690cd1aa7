// SPDX-License-Identifier: Apache-2.0
/**
 * For JUnit 5 and later: gives a test its kernel, and looks at what the test has left in it.
 *
 * <p>Needs {@code junit-jupiter-api}, which this library does not bring along.
 */
package org.vfio4j.testkit.junit;
