// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

class PciAddressTest {
  @Test
  void everyAddressIsReadBackFromItsText() {
    Random random = new Random(1);
    PciAddress previous = new PciAddress(0, 0, 0, 0);
    for (int i = 0; i < 10_000; i++) {
      PciAddress address =
          new PciAddress(
              random.nextBoolean() ? random.nextInt(0x10000) : random.nextInt(),
              random.nextInt(256),
              random.nextInt(32),
              random.nextInt(8));
      assertThat(PciAddress.of(address.toString())).isEqualTo(address);
      assertThat(PciAddress.of(address.toString().toUpperCase(Locale.ROOT))).isEqualTo(address);
      assertThat(PciAddress.isForm(address.toString())).isTrue();
      assertThat(address.devfn()).isEqualTo(address.device() * 8 + address.function());
      assertThat(Integer.signum(address.compareTo(previous)))
          .isEqualTo(-Integer.signum(previous.compareTo(address)));
      previous = address;
    }
  }

  @Test
  void domainZeroMayBeLeftOut() {
    assertThat(PciAddress.of("00:1f.2")).hasToString("0000:00:1f.2");
    assertThat(PciAddress.of("10000:e1:00.0")).hasToString("10000:e1:00.0");
    assertThat(PciAddress.of("ffffffff:00:00.0")).isGreaterThan(PciAddress.of("00:00.0"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0000:00:05",
        "0000:00:05.8",
        "0000:00:20.0",
        "000:00:05.0",
        "0000:0:05.0",
        "0000:00:05.0 ",
        "0000:00:05.0\n",
        "0000:00:05.00",
        "g000:00:05.0",
        "123456789:00:05.0",
        "../0000:00:05.0",
        "0000:00:05.0/..",
        "0000-00-05.0",
        "0000:00:٠٥.0"
      })
  void anythingElseIsRefused(String text) {
    assertThatThrownBy(() -> PciAddress.of(text))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT));
  }

  @Test
  void isWrittenInTheDigitsOfTheKernelInEveryLocale() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
    try {
      assertThat(new PciAddress(0, 1, 2, 3)).hasToString("0000:01:02.3");
    } finally {
      Locale.setDefault(before);
    }
  }
}
