// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cli;

import picocli.CommandLine.TypeConversionException;

/** {@code NAME=VALUE}, of which the value may be empty and have further equals signs. */
record AttributeArgument(String name, String value) {
  static AttributeArgument parse(String text) {
    int end = text.indexOf('=');
    if (end <= 0) {
      throw new TypeConversionException("'" + text + "' is not NAME=VALUE");
    }
    return new AttributeArgument(text.substring(0, end), text.substring(end + 1));
  }
}
