// SPDX-License-Identifier: Apache-2.0
package org.vfio4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ErrnoTest {
  @Test
  void everyNumberLeadsBackToItsName() {
    for (Errno errno : Errno.values()) {
      assertThat(Errno.of(errno.number())).isSameAs(errno);
      assertThat(errno.text()).isNotEmpty();
      if (errno != Errno.UNKNOWN) {
        assertThat(errno.result()).isEqualTo(-errno.number()).isNegative();
        assertThat(Errno.ofResult(errno.result())).isSameAs(errno);
        assertThat(errno.is(errno.result())).isTrue();
        assertThat(errno.is(errno.number())).isFalse();
      }
    }
  }

  @Test
  void numbersAreThoseOfTheHeader() {
    assertThat(Errno.EPERM.number()).isEqualTo(1);
    assertThat(Errno.EAGAIN.number()).isEqualTo(11);
    assertThat(Errno.ENOTTY.number()).isEqualTo(25);
    assertThat(Errno.EDEADLK.number()).isEqualTo(35);
    assertThat(Errno.EMSGSIZE.number()).isEqualTo(90);
    assertThat(Errno.EOPNOTSUPP.number()).isEqualTo(95);
    assertThat(Errno.EADDRINUSE.number()).isEqualTo(98);
    assertThat(Errno.ERFKILL.number()).isEqualTo(132);
    assertThat(Errno.ENOTSUPP.number()).isEqualTo(524);
  }

  @Test
  void strangeNumbersAreUnknownAndSuccessIsNoError() {
    assertThat(Errno.of(0)).isSameAs(Errno.UNKNOWN);
    assertThat(Errno.of(-1)).isSameAs(Errno.UNKNOWN);
    assertThat(Errno.of(41)).isSameAs(Errno.UNKNOWN);
    assertThat(Errno.of(100_000)).isSameAs(Errno.UNKNOWN);
    assertThat(Errno.ofResult(Integer.MIN_VALUE)).isSameAs(Errno.UNKNOWN);
    assertThat(Errno.ofResult(Long.MIN_VALUE)).isSameAs(Errno.UNKNOWN);
    // The low 32 bits of this are EPERM's.
    assertThat(Errno.ofResult(-(1L << 32) - 1)).isSameAs(Errno.UNKNOWN);
    assertThat(Errno.UNKNOWN.is(0)).isFalse();
    assertThatThrownBy(() -> Errno.ofResult(0)).isInstanceOf(IllegalArgumentException.class);
  }
}
