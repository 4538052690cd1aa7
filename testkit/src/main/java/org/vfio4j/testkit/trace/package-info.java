// SPDX-License-Identifier: Apache-2.0
/** What a program asked the kernel for, in order: written down, shown, and answered from paper. */
package org.vfio4j.testkit.trace;
