// SPDX-License-Identifier: Apache-2.0
/**
 * The C library as the host side of the port sees it; internal to the module.
 *
 * <p>One narrow interface lists the functions that are called, with raw addresses and integer
 * results, and gives the errno together with the result, read once. Which mechanism makes the call
 * is decided when the JVM starts, and hidden from everything else: no type of JNA and none of the
 * foreign-function API appears here.
 */
package org.vfio4j.linux.libc;
