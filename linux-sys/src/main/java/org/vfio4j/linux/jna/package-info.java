// SPDX-License-Identifier: Apache-2.0
/**
 * The C library through JNA direct mapping; internal to the module.
 *
 * <p>This is the only package in which JNA occurs, which an architecture test enforces. Structures,
 * callbacks and checked-errno exceptions of JNA are not used: each costs about ten microseconds for
 * every call, where a prepared block and a raw address cost a fraction of one.
 */
package org.vfio4j.linux.jna;
