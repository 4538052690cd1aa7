// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

/** Writes a JSON object, field by field: too little to depend on a library for. */
final class Json {
  private static final int FIRST_PRINTABLE = 0x20;

  private final StringBuilder text = new StringBuilder("{");

  Json put(String name, String value) {
    return raw(name, quote(value));
  }

  Json put(String name, long value) {
    return raw(name, Long.toString(value));
  }

  Json put(String name, boolean value) {
    return raw(name, Boolean.toString(value));
  }

  /** A value that is JSON already. */
  Json raw(String name, String value) {
    if (text.length() > 1) {
      text.append(", ");
    }
    text.append(quote(name)).append(": ").append(value);
    return this;
  }

  static String quote(String value) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < value.length(); i++) {
      char letter = value.charAt(i);
      if (letter == '"' || letter == '\\') {
        quoted.append('\\').append(letter);
      } else if (letter < FIRST_PRINTABLE) {
        quoted.append(String.format("\\u%04x", (int) letter));
      } else {
        quoted.append(letter);
      }
    }
    return quoted.append('"').toString();
  }

  @Override
  public String toString() {
    return text + "}";
  }
}
