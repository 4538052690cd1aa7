// SPDX-License-Identifier: Apache-2.0
/**
 * The calls of a program, as they go by: events of Java Flight Recorder, and text in the manner of
 * strace from which the kernel's part can be played again.
 */
package org.vfio4j.linux.trace;
