// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class NativeBlockTest {
  @Test
  void isZeroedAlignedAndInNativeOrder() {
    NativeBlock block = new NativeBlock(24);
    assertThat(block.get(0, 24)).containsOnly(0);
    assertThat(block.address() % 8).isZero();
    assertThat(block.address()).isNotZero();
    block.putInt(4, 0x01020304);
    block.putLong(8, 0x1112131415161718L);
    block.putShort(16, (short) 0x2122);
    block.putByte(18, (byte) 0x31);
    ByteBuffer expected = ByteBuffer.allocate(24).order(ByteOrder.nativeOrder());
    expected.putInt(4, 0x01020304).putLong(8, 0x1112131415161718L);
    expected.putShort(16, (short) 0x2122).put(18, (byte) 0x31);
    assertThat(block.get(0, 24)).isEqualTo(expected.array());
    assertThat(block.getInt(4)).isEqualTo(0x01020304);
    assertThat(block.getLong(8)).isEqualTo(0x1112131415161718L);
    assertThat(block.getShort(16)).isEqualTo((short) 0x2122);
    assertThat(block.getByte(18)).isEqualTo((byte) 0x31);
    block.clear();
    assertThat(block.get(0, 24)).containsOnly(0);
  }

  @Test
  void doesNotReachBeyondItsEnds() {
    NativeBlock block = new NativeBlock(8);
    assertThatThrownBy(() -> block.getLong(1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> block.putInt(5, 0)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> block.getByte(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> block.get(4, 5)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> block.put(4, new byte[5]))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> new NativeBlock(0).getByte(0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(new NativeBlock(0).address()).isZero();
  }

  @Test
  void sharesADirectBufferFromItsPositionOn() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(16);
    buffer.position(4).limit(12);
    NativeBlock block = NativeBlock.over(buffer);
    assertThat(block.capacity()).isEqualTo(8);
    block.putByte(0, (byte) 7);
    assertThat(buffer.get(4)).isEqualTo((byte) 7);
    block.asByteBuffer().put(1, (byte) 9);
    assertThat(buffer.get(5)).isEqualTo((byte) 9);
    assertThatThrownBy(() -> NativeBlock.over(ByteBuffer.allocate(8)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("direct");
  }

  @Test
  void endsTextWithNul() {
    assertThat(NativeBlock.ofString("aé").get(0, 4)).containsExactly('a', 0xc3, 0xa9, 0);
  }
}
