// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import org.vfio4j.VfioException.Reason;

/**
 * What a layer over Linux adds to the errno of a call that it refused itself: an errno cannot name
 * a device or a policy.
 *
 * @param reason what kind of refusal it is
 * @param fact the evidence
 * @param hint what a person can do; empty when nothing is known
 */
public record Explanation(Reason reason, String fact, String hint) {}
