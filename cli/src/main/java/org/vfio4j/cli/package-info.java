// SPDX-License-Identifier: Apache-2.0
/**
 * The command line: what devices there are, how each would be opened, and why not otherwise.
 *
 * <p>It shows a person what the library knows: devices with their drivers and isolation, the
 * opening plan with a reason for every mode that is out of the question, mediated-device types, and
 * traces of the calls that a program makes. Each answer can be had as a table or as JSON for
 * machines, and each failure ends with the exception's fact, its hint, and an exit status of its
 * own.
 *
 * <p>The commands are thin. Whatever one of them finds out, a program can find out through the
 * public API, and no logic lives here that a library user would miss. The module is not published
 * as a library; it depends on the bridge and the modules below it, sees both generations, and runs
 * on any port: under test it runs on the fake kernel. Nothing depends on it.
 */
package org.vfio4j.cli;
