// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.mdev.MdevDefinition.Attribute;

class MdevDefinitionTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");

  /** With what mdevctl 1.2 wrote, byte by byte. */
  private static final String WRITTEN_BY_MDEVCTL =
      """
      {
        "mdev_type": "mtty-1",
        "start": "auto",
        "attrs": [
          {
            "vendor/foo": "bar"
          },
          {
            "vendor/mid": "2"
          }
        ]
      }""";

  @Test
  void asMdevctlWritesIt() {
    MdevDefinition definition = MdevDefinition.parse("mtty", ID, WRITTEN_BY_MDEVCTL);
    assertThat(definition.type()).isEqualTo("mtty-1");
    assertThat(definition.isAutostart()).isTrue();
    assertThat(definition.attributes())
        .containsExactly(new Attribute("vendor/foo", "bar"), new Attribute("vendor/mid", "2"));
    assertThat(definition).hasToString(ID + " mtty mtty-1 auto");
    MdevDefinition built =
        MdevDefinition.of("mtty", ID, "mtty-1")
            .withAutostart(true)
            .withAttribute("vendor/foo", "bar")
            .withAttribute("vendor/mid", "2");
    assertThat(built).isEqualTo(definition);
    assertThat(built.toJson().replaceAll("\\s", ""))
        .isEqualTo(WRITTEN_BY_MDEVCTL.replaceAll("\\s", ""));
  }

  @Test
  void keepsWhatItDoesNotKnow() {
    String text =
        "{\"x\":{\"b\":[1,2.50,1e400,null,true],\"a\":123456789012345678901234567890},"
            + "\"mdev_type\":\"mtty-1\",\"start\":\"whenever\",\"y\":\"ö\\n\"}";
    MdevDefinition definition = MdevDefinition.parse("mtty", ID, text);
    assertThat(definition.isAutostart()).isFalse();
    assertThat(definition.toJson().replaceAll("[\\n ]", "")).isEqualTo(text);
    MdevDefinition changed =
        definition.withType("mtty-2").withAttribute("a", "1").withAutostart(true);
    assertThat(changed.toJson().replaceAll("[\\n ]", ""))
        .isEqualTo(
            text.replace("mtty-1", "mtty-2")
                .replace("whenever", "auto")
                .replaceAll("}$", ",\"attrs\":[{\"a\":\"1\"}]}"));
    assertThat(definition.toJson()).contains("mtty-1");
    assertThat(definition.withAutostart(false)).isSameAs(definition);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "junk",
        "[]",
        "{\"mdev_type\":\"mtty-1\"",
        "{\"start\":\"auto\"}",
        "{\"mdev_type\":\"mtty-1\"}",
        "{\"mdev_type\":1,\"start\":\"auto\"}",
        "{\"mdev_type\":\"../x\",\"start\":\"auto\"}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":{}}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":null}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":[\"a\"]}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":[{}]}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":[{\"a\":1}]}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":[{\"a\":\"1\",\"b\":\"2\"}]}",
        "{\"mdev_type\":\"mtty-1\",\"start\":\"auto\",\"attrs\":[{\"../a\":\"1\"}]}",
      })
  void refusesWhatMdevctlRefuses(String text) {
    VfioException refusal =
        catchThrowableOfType(VfioException.class, () -> MdevDefinition.parse("mtty", ID, text));
    assertThat(refusal.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
  }
}
