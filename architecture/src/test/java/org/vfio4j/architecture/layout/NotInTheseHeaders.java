// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import java.util.Map;

/**
 * What the library has and the lab's kernel headers (6.12) do not: structs ({@code "struct tag"})
 * and numbers, each with the kernel that has it. Everything else that the headers lack is an error,
 * and so is an entry here that the headers do have.
 */
final class NotInTheseHeaders {
  static final Map<String, String> REASONS = Map.of();

  private NotInTheseHeaders() {}
}
