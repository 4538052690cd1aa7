// SPDX-License-Identifier: Apache-2.0
/**
 * What VFIO and iommufd offer, as data, and which of it a run of tests has reached.
 *
 * <p>For the build only: nothing here is published.
 */
package org.vfio4j.coverage;
