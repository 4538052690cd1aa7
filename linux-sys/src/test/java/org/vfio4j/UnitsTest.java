// SPDX-License-Identifier: Apache-2.0
package org.vfio4j;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UnitsTest {
  @Test
  void bytesAreExact() {
    assertThat(Units.bytes(0)).isEqualTo("0 bytes");
    assertThat(Units.bytes(1)).isEqualTo("1 byte");
    assertThat(Units.bytes(1023)).isEqualTo("1023 bytes");
    assertThat(Units.bytes(1024)).isEqualTo("1 KiB");
    assertThat(Units.bytes(4097)).isEqualTo("4097 bytes");
    assertThat(Units.bytes(64L << 20)).isEqualTo("64 MiB");
    assertThat(Units.bytes(3L << 29)).isEqualTo("1536 MiB");
    assertThat(Units.bytes(Long.MIN_VALUE)).isEqualTo("8 EiB");
    assertThat(Units.bytes(-1)).isEqualTo("18446744073709551615 bytes");
  }

  @Test
  void addressesAreUnsignedHex() {
    assertThat(Units.hex(0)).isEqualTo("0x0");
    assertThat(Units.hex(-1)).isEqualTo("0xffffffffffffffff");
    assertThat(Units.range(0x1000, 0x1000)).isEqualTo("0x1000-0x1fff");
    assertThat(Units.range(0x1000, 0)).isEqualTo("0 bytes at 0x1000");
  }
}
