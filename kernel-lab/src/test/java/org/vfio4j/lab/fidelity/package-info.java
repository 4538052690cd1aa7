// SPDX-License-Identifier: Apache-2.0
/**
 * The random differential: sequences of calls of the port, the same on two kernels, compared call
 * by call.
 *
 * <p>A {@link Domain} is a list of {@link CallKind}s; each makes {@link Call}s from a {@link Draw}
 * and from what the sequence has made so far, the {@link World}. A {@link Differential} makes each
 * call on both kernels, side by side, and compares the result, the errno and every byte that the
 * kernel may have written. Descriptors, ids and addresses are {@link Handle}s in a call, so that a
 * sequence keeps its meaning when calls are left out: that is how the first difference is shrunk.
 */
package org.vfio4j.lab.fidelity;
