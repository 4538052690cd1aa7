// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.uapi;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.vfio4j.Errno;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Constant;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Kind;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.coverage.Reached;
import org.vfio4j.coverage.Release;

/** The page {@code docs/uapi-coverage.md}, and what would be an empty cell in it. */
final class CoveragePage {
  private static final int MOST_TESTS = 2;
  private static final int MOST_NAMES = 3;

  private static final String HEAD =
      """
      # The kernel's user API, and where it is

      Written by the build: `./check --only uapi --update` after a whole `./check`. Do not edit.

      What the rows are comes from `uapi-coverage/src/main/resources/org/vfio4j/coverage/uapi.txt`, the library's places
      from its sources, the tests from what they did: every call of every run is looked into, on the fake kernel and in the
      guests of `kernel-lab` (Linux 6.12 with and without an IOMMU, Debian's 6.1). A flag or number counts where the call
      that has it succeeded. Tests with random input show nothing here. Of many tests the first two are named. A release with
      a question mark is not certain.
      """;

  private final Inventory inventory;
  private final TypedPlaces places;
  private final ApiReferences references;
  private final Reached fake;
  private final Reached real;

  /** Why there is no test: {@code NAME fake} or {@code NAME real}, and the reason. */
  private final Map<String, String> reasons;

  private final List<String> empty = new ArrayList<>();

  CoveragePage(
      Inventory inventory,
      TypedPlaces places,
      ApiReferences references,
      Reached fake,
      Reached real,
      Map<String, String> reasons) {
    this.inventory = inventory;
    this.places = places;
    this.references = references;
    this.fake = fake;
    this.real = real;
    this.reasons = reasons;
  }

  /** What no test reaches, and no reason is given why: {@code NAME fake}; after {@link #text}. */
  List<String> empty() {
    return empty;
  }

  String text() {
    StringBuilder page = new StringBuilder(HEAD);
    calls(page);
    numbers(page);
    structs(page);
    errnos(page);
    return page.toString();
  }

  private void calls(StringBuilder page) {
    page.append("\n## Calls\n\n");
    row(page, "call", "number", "file", "since", "option", "in the API", "fake", "real kernel");
    row(page, "---", "---", "---", "---", "---", "---", "---", "---");
    for (Ioctl ioctl : inventory.ioctls()) {
      row(
          page,
          ioctl.name(),
          "0x%X".formatted(ioctl.number()),
          ioctl.file(),
          ioctl.since().toString(),
          ioctl.config(),
          api(ioctl.name()),
          tests(fake, ioctl.name(), "fake", ioctl.since()),
          tests(real, ioctl.name(), "real", ioctl.since()));
    }
  }

  private void numbers(StringBuilder page) {
    page.append("\n## Flags, capabilities and other numbers\n\n");
    row(page, "name", "value", "where", "since", "in the API", "fake", "real kernel");
    row(page, "---", "---", "---", "---", "---", "---", "---");
    for (Constant constant : inventory.constants()) {
      boolean plain = constant.kind() == Kind.PLAIN;
      String place =
          plain
              ? "a constant"
              : constant.kind().name().toLowerCase(Locale.ROOT)
                  + " of "
                  + String.join(", ", constant.places());
      row(
          page,
          constant.name(),
          "%#x".formatted(constant.value()),
          place,
          constant.since().toString(),
          api(constant.name()),
          plain ? "in no call" : tests(fake, constant.name(), "fake", constant.since()),
          plain ? "in no call" : tests(real, constant.name(), "real", constant.since()));
    }
  }

  private void structs(StringBuilder page) {
    page.append("\n## Structs\n\n");
    row(page, "struct", "bytes", "since", "grown", "class", "in the API");
    row(page, "---", "---", "---", "---", "---", "---");
    for (Layout layout : inventory.structs()) {
      Class<?> type = places.struct(layout.tag());
      List<String> grown =
          layout.fields().stream()
              .filter(field -> field.since().compareTo(layout.since()) > 0)
              .map(field -> field.name() + " " + field.since())
              .toList();
      row(
          page,
          layout.tag(),
          Integer.toString(layout.size()),
          layout.since().toString(),
          String.join(", ", grown),
          type == null ? "" : type.getSimpleName(),
          type == null ? "" : names(references.of(type.getSimpleName())));
    }
  }

  private void errnos(StringBuilder page) {
    page.append("\n## Errnos\n\n");
    row(page, "call", "errno", "fake", "real kernel");
    row(page, "---", "---", "---", "---");
    for (Ioctl ioctl : inventory.ioctls()) {
      for (Errno errno : ioctl.errnos()) {
        String name = ioctl.name() + ":" + errno;
        // That a call is unknown shows on kernels before it; that it is refused, on those that have
        // it.
        boolean unknown = errno == Errno.ENOTTY && ioctl.file().equals("iommufd");
        boolean old = !ioctl.since().isAfter(6, 12);
        row(
            page,
            ioctl.name(),
            errno.name(),
            tests(fake, name, "fake", ioctl.since()),
            unknown && old ? "known there" : tests(real, name, "real", ioctl.since()));
      }
    }
  }

  private String api(String name) {
    List<String> users = references.of(name);
    if (!users.isEmpty()) {
      return names(users);
    }
    return places.number(name) == null
        ? ""
        : places.number(name).getDeclaringClass().getSimpleName();
  }

  private static String names(Collection<String> names) {
    return some(names, MOST_NAMES);
  }

  private String tests(Reached reached, String name, String kernel, Release since) {
    Collection<String> tests = reached.testsOf(name);
    if (!tests.isEmpty()) {
      return some(tests, MOST_TESTS);
    }
    Collection<String> refused = reached.testsOf(name + ":ENOTTY");
    if (!refused.isEmpty()) {
      return "absent there: " + some(refused, MOST_TESTS);
    }
    if (kernel.equals("real") && since.isAfter(6, 12)) {
      return "newer";
    }
    String reason = reasons.get(name + " " + kernel);
    if (reason == null) {
      reason = reasons.get(name + " both");
    }
    if (reason == null) {
      empty.add(name + " " + kernel);
      return "";
    }
    return "none: " + reason;
  }

  private static String some(Collection<String> names, int most) {
    List<String> first = names.stream().limit(most).toList();
    int more = names.size() - first.size();
    return String.join(", ", first) + (more > 0 ? " and " + more + " more" : "");
  }

  private static void row(StringBuilder page, String... cells) {
    page.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }
}
