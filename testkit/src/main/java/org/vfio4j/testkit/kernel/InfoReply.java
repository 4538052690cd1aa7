// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.device.uapi.VfioInfoCapHeader;
import org.vfio4j.testkit.machine.KernelVersion;

/** The chain of capabilities behind the struct that an info call answers with. */
final class InfoReply {
  private static final int ARGSZ = 0;
  private static final int FLAGS = 4;

  private final List<byte[]> capabilities = new ArrayList<>();
  private final int align;

  InfoReply(KernelVersion version) {
    align = version.alignsCapabilities() ? Long.BYTES : 1;
  }

  /**
   * Adds a capability.
   *
   * @param words what follows the header, as 32 bits each
   */
  InfoReply add(int id, int version, int... words) {
    int length = VfioInfoCapHeader.SIZEOF + words.length * Integer.BYTES;
    ByteBuffer bytes =
        ByteBuffer.allocate((length + align - 1) & -align).order(ByteOrder.nativeOrder());
    bytes.putShort(VfioInfoCapHeader.ID, (short) id);
    bytes.putShort(VfioInfoCapHeader.VERSION, (short) version);
    for (int i = 0; i < words.length; i++) {
      bytes.putInt(VfioInfoCapHeader.SIZEOF + i * Integer.BYTES, words[i]);
    }
    capabilities.add(bytes.array());
    return this;
  }

  /**
   * Puts the chain behind the struct, as far as {@code argsz} has room for all of it.
   *
   * @param size of the struct
   * @param capOffset where the struct has the offset of the chain
   * @param flag that says that there are capabilities
   */
  void put(UserPointer info, int argsz, int size, int capOffset, int flag) {
    if (capabilities.isEmpty()) {
      return;
    }
    info.putInt(FLAGS, info.getInt(FLAGS) | flag);
    int needed = size + capabilities.stream().mapToInt(bytes -> bytes.length).sum();
    boolean fits = Integer.compareUnsigned(argsz, needed) >= 0;
    if (!fits) {
      info.putInt(ARGSZ, needed);
    }
    if (Integer.compareUnsigned(argsz, capOffset + Integer.BYTES) >= 0) {
      info.putInt(capOffset, fits ? size : 0);
    }
    int at = size;
    for (int i = 0; fits && i < capabilities.size(); i++) {
      byte[] capability = capabilities.get(i);
      int next = i + 1 < capabilities.size() ? at + capability.length : 0;
      info.put(at, capability);
      info.putInt(at + VfioInfoCapHeader.NEXT, next);
      at += capability.length;
    }
  }
}
