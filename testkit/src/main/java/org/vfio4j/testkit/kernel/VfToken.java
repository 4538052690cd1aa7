// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import java.util.Set;
import java.util.UUID;
import org.vfio4j.Errno;

/**
 * The secret of a physical function with SR-IOV under vfio-pci, and who must show it.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_core.c}, {@code vfio_pci_validate_vf_token()} and
 * {@code vfio_pci_core_match()}.
 */
final class VfToken {
  static final int SIZE = 16;

  private static final String OPTION = "vf_token=";
  private static final int TEXT = 36;
  private static final Set<Integer> DASHES = Set.of(8, 13, 18, 23);

  private byte[] uuid;

  /** Virtual functions that are open. */
  private int users;

  /** One that nobody knows. */
  VfToken() {
    uuid = bytes(UUID.randomUUID().toString());
  }

  void set(byte[] token) {
    uuid = token.clone();
  }

  void use() {
    users++;
  }

  void unuse() {
    users--;
  }

  /**
   * Whether this is what the process calls the function.
   *
   * @param text a name, and options behind a blank
   */
  static boolean matches(PciDevice device, String text) {
    if (!text.startsWith(device.name())) {
      return false;
    }
    String rest = text.substring(device.name().length());
    if (!rest.isEmpty() && rest.charAt(0) != ' ') {
      return false;
    }
    byte[] token = null;
    for (int at = 0; at < rest.length(); ) {
      if (rest.charAt(at) == ' ') {
        at++;
        continue;
      }
      boolean known = token == null && rest.startsWith(OPTION, at);
      KernelError.refuseIf(!known, Errno.EINVAL);
      at += OPTION.length();
      KernelError.refuseIf(rest.length() - at < TEXT, Errno.EINVAL);
      token = bytes(rest.substring(at, at + TEXT));
      at += TEXT;
    }
    validate(device, token);
    return true;
  }

  /**
   * Refuses who may not open the function.
   *
   * @param shown null for none
   */
  static void validate(PciDevice device, byte[] shown) {
    if (device.isVirtual()) {
      VfToken wanted = device.physicalToken();
      if (wanted == null) {
        KernelError.refuseIf(shown != null, Errno.EINVAL);
        return;
      }
      KernelError.refuseIf(shown == null || !wanted.is(shown), Errno.EACCES);
      return;
    }
    VfToken own = device.token();
    if (own == null) {
      KernelError.refuseIf(shown != null, Errno.EINVAL);
    } else if (own.users > 0) {
      KernelError.refuseIf(shown == null || !own.is(shown), Errno.EACCES);
    } else if (shown != null) {
      own.set(shown);
    }
  }

  private boolean is(byte[] shown) {
    return Arrays.equals(uuid, shown);
  }

  /** EINVAL for what is no UUID. */
  private static byte[] bytes(String text) {
    byte[] bytes = new byte[SIZE];
    int digits = 0;
    for (int i = 0; i < TEXT; i++) {
      if (DASHES.contains(i)) {
        KernelError.refuseIf(text.charAt(i) != '-', Errno.EINVAL);
        continue;
      }
      int digit = Character.digit(text.charAt(i), 16);
      KernelError.refuseIf(digit < 0 || text.charAt(i) > 'f', Errno.EINVAL);
      bytes[digits / 2] |= (byte) (digits % 2 == 0 ? digit << 4 : digit);
      digits++;
    }
    return bytes;
  }
}
