// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vfio4j.device.uapi.VfioInfoCapHeader;
import org.vfio4j.testkit.machine.KernelVersion;

/** The chain of capabilities behind the struct that an info call answers with. */
final class InfoReply {
  private static final int ARGSZ = 0;
  private static final int FLAGS = 4;

  private final List<byte[]> capabilities = new ArrayList<>();
  private final KernelVersion kernel;

  InfoReply(KernelVersion kernel) {
    this.kernel = kernel;
  }

  /** What a capability of this length takes, so that the next one begins where it should. */
  static int padded(KernelVersion kernel, int length) {
    int align = kernel.alignsCapabilities() ? Long.BYTES : 1;
    return (length + align - 1) & -align;
  }

  /**
   * Adds a capability.
   *
   * @param words what follows the header, as 32 bits each
   */
  InfoReply add(int id, int version, int... words) {
    int length = VfioInfoCapHeader.SIZEOF + words.length * Integer.BYTES;
    ByteBuffer bytes = ByteBuffer.allocate(padded(kernel, length)).order(ByteOrder.nativeOrder());
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
    if (fits) {
      info.put(size, chain(size));
    }
  }

  /**
   * Puts as much of the chain behind the struct as there is room for, whether that is all or not.
   */
  void putCut(UserPointer info, int argsz, int size, int capOffset, int flag) {
    byte[] chain = chain(size);
    if (chain.length > 0) {
      info.putInt(FLAGS, info.getInt(FLAGS) | flag);
      info.putInt(ARGSZ, size + chain.length);
      info.putInt(capOffset, size);
      info.put(size, Arrays.copyOf(chain, Math.min(chain.length, argsz - size)));
    }
  }

  /** What goes to {@code start} of the answer. */
  private byte[] chain(int start) {
    int length = capabilities.stream().mapToInt(bytes -> bytes.length).sum();
    ByteBuffer chain = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
    for (byte[] capability : capabilities) {
      int at = chain.position();
      chain.put(capability);
      int next = chain.hasRemaining() ? start + chain.position() : 0;
      chain.putInt(at + VfioInfoCapHeader.NEXT, next);
    }
    return chain.array();
  }
}
