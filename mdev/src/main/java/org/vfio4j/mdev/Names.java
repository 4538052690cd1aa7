// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** Names that come from outside, before they become parts of paths. */
final class Names {
  private static final int LONGEST = 255;

  private static final Pattern UUID_TEXT =
      Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

  private Names() {}

  /**
   * One name of a file or folder.
   *
   * @param what for the message: "parent"
   */
  static String checked(String what, String name) {
    boolean wrong =
        name.isEmpty()
            || name.length() > LONGEST
            || name.equals(".")
            || name.equals("..")
            || name.chars().anyMatch(c -> c == '/' || Character.isISOControl(c));
    if (wrong) {
      throw invalid(
          what, name, "it is to be the name of one file, without '/' and not '.' or '..'");
    }
    return name;
  }

  /** An attribute in the folder of a device, or in a folder in it: {@code vendor/resolution}. */
  static String checkedAttribute(String attribute) {
    for (String name : attribute.split("/", -1)) {
      try {
        checked("attribute", name);
      } catch (VfioException e) {
        throw invalid(
            "attribute",
            attribute,
            "it is to be the path of a file below the device's folder, each part of it a name");
      }
    }
    return attribute;
  }

  private static VfioException invalid(String what, String name, String rule) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "use")
        .on("of '" + name.replaceAll("\\p{Cntrl}", "?") + "' as the name of a " + what)
        .fact(rule)
        .build();
  }

  /** As the kernel and mdevctl write it: 36 characters in lower case. Empty for all else. */
  static Optional<UUID> uuid(String text) {
    return UUID_TEXT.matcher(text).matches()
        ? Optional.of(UUID.fromString(text))
        : Optional.empty();
  }

  static String text(UUID uuid) {
    return uuid.toString().toLowerCase(Locale.ROOT);
  }
}
