// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.nio.ByteBuffer;
import java.util.UUID;
import java.util.regex.Pattern;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * The secret that the user of a physical function and those of its virtual functions share, when
 * vfio-pci has both: who serves the physical function can do anything to the others.
 *
 * <p>Linux 5.7. Source: {@code drivers/vfio/pci/vfio_pci_core.c}.
 */
public record VfToken(UUID uuid) {
  /** In bytes. */
  public static final int SIZE = 16;

  /** UUID.fromString would take {@code 1-1-1-1-1}, too. */
  private static final Pattern FORM =
      Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

  /**
   * Reads {@code bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3}.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}) when it is something else
   */
  public static VfToken of(String text) {
    if (!FORM.matcher(text).matches()) {
      // Not the text itself: it may be a secret with a slip of the pen.
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "VF token")
          .fact("the text does not have the form of a UUID")
          .hint("write it as uuidgen does: 36 characters")
          .build();
    }
    return new VfToken(UUID.fromString(text));
  }

  /** One that nobody can guess. */
  public static VfToken random() {
    return new VfToken(UUID.randomUUID());
  }

  /** As the kernel wants them: in the order in which the text has them. */
  public byte[] bytes() {
    return ByteBuffer.allocate(SIZE)
        .putLong(uuid.getMostSignificantBits())
        .putLong(uuid.getLeastSignificantBits())
        .array();
  }

  /** The UUID, for the kernel; not for logs. */
  public String text() {
    return uuid.toString();
  }

  /** Without the secret. */
  @Override
  public String toString() {
    return "VF token";
  }
}
