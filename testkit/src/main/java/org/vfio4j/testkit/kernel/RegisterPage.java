// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A page of registers that keep what is written to them. */
final class RegisterPage implements DeviceMemory.Registers {
  private final ByteBuffer bytes =
      ByteBuffer.allocate(UserMemory.PAGE).order(ByteOrder.LITTLE_ENDIAN);

  @Override
  public boolean isAnswering() {
    return true;
  }

  @Override
  public long load(int region, long offset, int width) {
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = (value << Byte.SIZE) | (bytes.get((int) offset + i) & 0xff);
    }
    return value;
  }

  @Override
  public void store(int region, long offset, int width, long value) {
    for (int i = 0; i < width; i++) {
      bytes.put((int) offset + i, (byte) (value >>> (Byte.SIZE * i)));
    }
  }
}
