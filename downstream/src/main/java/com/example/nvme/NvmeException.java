// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

/** The controller refused a command, or does not do what it should. */
public final class NvmeException extends RuntimeException {
  private static final long serialVersionUID = 1;

  NvmeException(String message) {
    super(message);
  }
}
