// SPDX-License-Identifier: Apache-2.0
/** What a fake kernel runs on, as data: the machine, its devices, and the release of Linux. */
package org.vfio4j.testkit.machine;
