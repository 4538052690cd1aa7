// SPDX-License-Identifier: Apache-2.0
/**
 * The command line: mediated devices, their types, and the definitions that outlast a reboot.
 *
 * <p>Each answer can be had as a table or as JSON for machines, and each refusal ends with the
 * exception's fact and its hint.
 *
 * <p>The commands are thin. Whatever one of them finds out, a program can find out through the
 * public API, and no logic lives here that a library user would miss. The module is not published
 * as a library; it depends on the bridge and the modules below it, sees both generations, and runs
 * on any port: under test it runs on the fake kernel. Nothing depends on it.
 */
package org.vfio4j.cli;
