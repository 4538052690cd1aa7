// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioRegionInfo;

class CapabilityChainTest {
  private static final int FIRST = VfioRegionInfo.SIZEOF;

  /** A struct with the given words behind it: id and version, next, data. */
  private static VfioRegionInfo behind(int... words) {
    byte[] bytes = StubDevice.words(words);
    VfioRegionInfo info = new VfioRegionInfo(bytes.length);
    info.put(FIRST, bytes);
    return info;
  }

  private static CapabilityChain read(VfioRegionInfo info, int first) {
    return CapabilityChain.read("TEST", info, VfioRegionInfo.SIZEOF, first);
  }

  @Test
  void readsAChain() {
    CapabilityChain chain = read(behind(0x10003, 48, 7, 8, 0x20001, 0, 9), FIRST);

    assertThat(chain.all()).hasSize(2);
    assertThat(chain.all().get(0).id()).isEqualTo(3);
    assertThat(chain.all().get(0).version()).isEqualTo(1);
    assertThat(chain.all().get(0).size()).isEqualTo(16);
    assertThat(chain.find(3).orElseThrow().getLong(8)).isEqualTo(8L << 32 | 7);
    assertThat(chain.find(1).orElseThrow().getInt(8)).isEqualTo(9);
    assertThat(chain.find(1).orElseThrow().size()).isEqualTo(12);
    assertThat(chain.find(2)).isEmpty();
  }

  @Test
  void noChainIsEmpty() {
    assertThat(read(behind(1, 2, 3), 0).all()).isEmpty();
  }

  @Test
  void aCapabilityThatEndsEarlyIsAnError() {
    CapabilityChain chain = read(behind(1, 0), FIRST);

    assertThatThrownBy(() -> chain.find(1).orElseThrow().getInt(8))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OTHER))
        .hasMessageContaining("TEST")
        .hasMessageContaining("ends after 8 bytes");
  }

  @ParameterizedTest
  // Inside the struct, in the middle of the header before, cut short, behind the end, negative.
  @ValueSource(ints = {8, FIRST - 8, FIRST + 4, FIRST + 12, FIRST + 16, 1 << 30, -8})
  void aNextThatLeavesTheAnswerIsAnError(int next) {
    assertThatThrownBy(() -> read(behind(1, next, 0, 0), FIRST))
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("malformed");
  }

  @ParameterizedTest
  @ValueSource(ints = {4, FIRST - 1, FIRST + 12, Integer.MAX_VALUE, Integer.MIN_VALUE})
  void aFirstThatLeavesTheAnswerIsAnError(int first) {
    assertThatThrownBy(() -> read(behind(1, 0, 0, 0), first)).isInstanceOf(VfioException.class);
  }

  @Test
  void loopsAndStepsBackAreErrors() {
    assertThatThrownBy(() -> read(behind(1, FIRST, 2, 0), FIRST)).isInstanceOf(VfioException.class);
    assertThatThrownBy(() -> read(behind(1, FIRST + 8, 2, FIRST), FIRST))
        .isInstanceOf(VfioException.class);
  }

  @Test
  void whatTheKernelDidNotFillIsNotRead() {
    VfioRegionInfo info = behind(1, FIRST + 8, 2, 0);
    info.argsz(FIRST + 8);

    assertThatThrownBy(() -> read(info, FIRST)).isInstanceOf(VfioException.class);
  }

  @Test
  void asksAgainUntilTheAnswerFits() {
    AtomicInteger calls = new AtomicInteger();
    VfioRegionInfo info =
        CapabilityChain.query(
            "TEST",
            VfioRegionInfo::new,
            question -> {
              int call = calls.incrementAndGet();
              // It grows between the second and the third call.
              int needed = call < 3 ? FIRST + 16 * call : FIRST + 32;
              question.argsz(Math.max(needed, question.argsz()));
            });

    assertThat(calls).hasValue(3);
    assertThat(info.capacity()).isEqualTo(FIRST + 32);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, Integer.MIN_VALUE, (1 << 20) + 1})
  void refusesAHugeAnswer(int needed) {
    assertThatThrownBy(
            () -> CapabilityChain.query("TEST", VfioRegionInfo::new, q -> q.argsz(needed)))
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("malformed");
  }

  @Test
  void givesUpOnAnAnswerThatAlwaysGrows() {
    assertThatThrownBy(
            () -> CapabilityChain.query("TEST", VfioRegionInfo::new, q -> q.argsz(q.argsz() + 8)))
        .isInstanceOf(VfioException.class);
  }
}
