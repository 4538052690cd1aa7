// SPDX-License-Identifier: Apache-2.0
/**
 * Calls that fail on purpose: one at a time ({@link org.vfio4j.testkit.failure.FailingKernel}), or
 * each call of a program in turn ({@link org.vfio4j.testkit.failure.FailureSweep}).
 */
package org.vfio4j.testkit.failure;
