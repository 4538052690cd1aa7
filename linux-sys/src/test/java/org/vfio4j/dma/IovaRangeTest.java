// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException;

class IovaRangeTest {
  @Test
  void isUnsignedAndInclusive() {
    assertThat(IovaRange.ALL.contains(-1, 1)).isTrue();
    assertThat(IovaRange.ALL.contains(-1, 2)).isFalse();
    assertThat(IovaRange.bits(28)).hasToString("0x0-0xfffffff");
    assertThat(IovaRange.bits(64)).isEqualTo(IovaRange.ALL);
    assertThat(IovaRange.bits(63).last()).isEqualTo(Long.MAX_VALUE);
    IovaRange range = new IovaRange(0x1000, 0x1fff);
    assertThat(range.contains(0x1000, 0x1000)).isTrue();
    assertThat(range.contains(0x1000, 0x1001)).isFalse();
    assertThat(range.contains(0xfff, 2)).isFalse();
    assertThatThrownBy(() -> new IovaRange(-1, 1))
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("0xffffffffffffffff-0x1");
  }
}
