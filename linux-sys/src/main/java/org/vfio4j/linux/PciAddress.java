// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * Where a PCI function is: {@code 0000:00:05.0}.
 *
 * @param domain 0 to 0xffffffff (more than 16 bits behind some host bridges)
 * @param bus 0 to 255
 * @param device 0 to 31
 * @param function 0 to 7
 */
public record PciAddress(int domain, int bus, int device, int function)
    implements Comparable<PciAddress> {
  private static final Pattern FORM =
      Pattern.compile("(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\\.([0-7])");

  public PciAddress {
    if (bus < 0 || bus > 255 || device < 0 || device > 31 || function < 0 || function > 7) {
      throw invalid(domain + ":" + bus + ":" + device + "." + function);
    }
  }

  /**
   * Reads {@code 0000:00:05.0} or, in domain 0, {@code 00:05.0}.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}) when it is something else
   */
  public static PciAddress of(String text) {
    Matcher parts = FORM.matcher(text);
    if (!parts.matches()) {
      throw invalid(text);
    }
    return new PciAddress(
        parts.group(1) == null ? 0 : Integer.parseUnsignedInt(parts.group(1), 16),
        Integer.parseInt(parts.group(2), 16),
        Integer.parseInt(parts.group(3), 16),
        Integer.parseInt(parts.group(4)));
  }

  /** Whether {@link #of} takes {@code text}, but for a device number over 31. */
  public static boolean isForm(String text) {
    return FORM.matcher(text).matches();
  }

  /** Device and function in one byte, as the kernel has them: {@code PCI_DEVFN}. */
  public int devfn() {
    return device << 3 | function;
  }

  @Override
  public int compareTo(PciAddress other) {
    int byDomain = Integer.compareUnsigned(domain, other.domain);
    return byDomain != 0
        ? byDomain
        : Integer.compare(bus << 8 | devfn(), other.bus << 8 | other.devfn());
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%04x:%02x:%02x.%d", domain, bus, device, function);
  }

  private static VfioException invalid(String text) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "PCI address")
        .on("'" + text + "'")
        .fact("it does not have the form domain:bus:device.function")
        .hint("write it as lspci -D does: 0000:00:05.0")
        .build();
  }
}
