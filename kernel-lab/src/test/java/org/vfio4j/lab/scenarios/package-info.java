// SPDX-License-Identifier: Apache-2.0
/**
 * Which scenarios there are, and that each ends in the same way on the fake and on the real kernel.
 */
package org.vfio4j.lab.scenarios;
