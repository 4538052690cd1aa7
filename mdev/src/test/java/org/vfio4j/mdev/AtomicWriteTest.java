// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.VfioException;

/** A write that ends in the middle: at each step, before it, within it and behind it. */
class AtomicWriteTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");
  private static final MdevDefinition OLD = MdevDefinition.of("mtty", ID, "mtty-1");
  private static final MdevDefinition NEW =
      OLD.withType("mtty-2").withAutostart(true).withAttribute("vendor/x", "y".repeat(5000));

  /** Of make, create, write, force, close, move, force. */
  private static final int STEPS = 7;

  /** Of a parent that nothing was defined for yet: the new folder's name is forced, too. */
  private static final int FIRST_STEPS = STEPS + 1;

  /** Of delete, force. */
  private static final int UNDEFINE_STEPS = 2;

  @TempDir private Path folder;

  private enum How {
    BEFORE,
    WITHIN,
    AFTER
  }

  /** Nothing more happens then: what is on the disk stays as it is. */
  @Test
  void aCrashLeavesTheOldFileOrTheNewOne() throws IOException {
    int old = 0;
    int changed = 0;
    for (How how : How.values()) {
      for (int step = 1; step <= STEPS; step++) {
        MdevDefinition left = interrupted(how, step, true);
        assertThat(left).as("%s step %s", how, step).isIn(OLD, NEW);
        if (left.equals(OLD)) {
          old++;
        } else {
          changed++;
        }
      }
    }
    assertThat(old).isPositive();
    assertThat(changed).isPositive();
  }

  @Test
  void aFailureLeavesTheOldFileOrTheNewOneAndNothingElse() throws IOException {
    for (How how : How.values()) {
      for (int step = 1; step <= STEPS; step++) {
        assertThat(interrupted(how, step, false)).isIn(OLD, NEW);
        if (how != How.AFTER || step != 2) {
          // One that is there although making it failed nobody can know of.
          assertThat(temporary()).as("%s step %s", how, step).isEmpty();
        }
      }
    }
  }

  @Test
  void aFirstDefinitionThatIsInterrupted() throws IOException {
    for (How how : How.values()) {
      for (int step = 1; step <= FIRST_STEPS; step++) {
        Path config = config(how + "-" + step);
        Failing failing = new Failing(new ConfigFolder(config), how, step, true);
        assertThat(
                catchThrowableOfType(
                    VfioException.class, () -> new MdevDefinitions(null, failing).define(NEW)))
            .isNotNull();
        MdevDefinitions after = MdevDefinitions.at(null, config);
        assertThat(after.list().broken()).isEmpty();
        assertThat(after.find("mtty", ID).orElse(NEW)).isEqualTo(NEW);
      }
    }
  }

  @Test
  void countsTheSteps() throws IOException {
    Failing failing = new Failing(new ConfigFolder(config("count")), How.BEFORE, 1000, true);
    MdevDefinitions definitions = new MdevDefinitions(null, failing);
    definitions.define(NEW);
    assertThat(failing.done).isEqualTo(FIRST_STEPS);
    definitions.modify(OLD);
    assertThat(failing.done).isEqualTo(FIRST_STEPS + STEPS);
    definitions.undefine("mtty", ID);
    assertThat(failing.done).isEqualTo(FIRST_STEPS + STEPS + UNDEFINE_STEPS);
  }

  /** It is there whole, or not at all. */
  @Test
  void forgettingThatIsInterrupted() throws IOException {
    for (How how : How.values()) {
      for (int step = 1; step <= UNDEFINE_STEPS; step++) {
        Path config = config("undefine-" + how + "-" + step);
        new MdevDefinitions(null, new ConfigFolder(config)).define(OLD);
        Failing failing = new Failing(new ConfigFolder(config), how, step, true);
        assertThat(
                catchThrowableOfType(
                    VfioException.class,
                    () -> new MdevDefinitions(null, failing).undefine("mtty", ID)))
            .isNotNull();
        MdevDefinitions after = MdevDefinitions.at(null, config);
        assertThat(after.list().broken()).isEmpty();
        boolean deleted = step > 1 || how == How.AFTER;
        assertThat(after.find("mtty", ID).isEmpty()).as("%s step %s", how, step).isEqualTo(deleted);
      }
    }
  }

  private Path config(String name) throws IOException {
    return Files.createDirectories(folder.resolve(name));
  }

  private MdevDefinition interrupted(How how, int step, boolean crash) throws IOException {
    Path config = config("config");
    for (Path file : temporary()) {
      Files.delete(file);
    }
    Files.createDirectories(config.resolve("mtty"));
    Files.writeString(config.resolve("mtty/" + ID), OLD.toJson());
    Failing failing = new Failing(new ConfigFolder(config), how, step, crash);
    assertThat(
            catchThrowableOfType(
                VfioException.class, () -> new MdevDefinitions(null, failing).modify(NEW)))
        .as("%s step %s", how, step)
        .isNotNull();
    return MdevDefinitions.at(null, config).get("mtty", ID);
  }

  private List<Path> temporary() throws IOException {
    if (!Files.exists(folder.resolve("config"))) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder.resolve("config"))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  /** Fails at one of the steps that change something; after a crash, at all later ones too. */
  private static final class Failing implements ConfigFiles {
    private final ConfigFiles real;
    private final How how;
    private final int at;
    private final boolean crash;
    private int done;
    private boolean crashed;

    Failing(ConfigFiles real, How how, int at, boolean crash) {
      this.real = real;
      this.how = how;
      this.at = at;
      this.crash = crash;
    }

    private interface Step {
      void run() throws IOException;
    }

    private void step(Step step) throws IOException {
      step(step, () -> {});
    }

    private void step(Step step, Step half) throws IOException {
      if (crashed) {
        throw new IOException("crashed before");
      }
      done++;
      if (done == at) {
        switch (how) {
          case BEFORE -> {}
          case WITHIN -> half.run();
          case AFTER -> step.run();
        }
        crashed = crash;
        throw new IOException("failed by the test");
      }
      step.run();
    }

    @Override
    public List<String> folders() throws IOException {
      return real.folders();
    }

    @Override
    public List<String> files(String name) throws IOException {
      return real.files(name);
    }

    @Override
    public byte[] read(String name, String file) throws IOException {
      return real.read(name, file);
    }

    @Override
    public boolean make(String name) throws IOException {
      boolean[] made = new boolean[1];
      step(() -> made[0] = real.make(name));
      return made[0];
    }

    @Override
    public void forceFolders() throws IOException {
      step(real::forceFolders);
    }

    @Override
    public Temporary create(String name) throws IOException {
      Temporary[] made = new Temporary[1];
      step(() -> made[0] = real.create(name));
      return new Temporary() {
        @Override
        public void write(byte[] content) throws IOException {
          step(
              () -> made[0].write(content),
              () -> made[0].write(Arrays.copyOf(content, content.length / 2)));
        }

        @Override
        public void force() throws IOException {
          step(() -> made[0].force());
        }

        @Override
        public void close() throws IOException {
          step(() -> made[0].close());
        }
      };
    }

    @Override
    public void move(String temporary, String name, String file) throws IOException {
      step(() -> real.move(temporary, name, file));
    }

    @Override
    public void discard(String temporary) throws IOException {
      if (crashed) {
        throw new IOException("crashed before");
      }
      real.discard(temporary);
    }

    @Override
    public void delete(String name, String file) throws IOException {
      step(() -> real.delete(name, file));
    }

    @Override
    public void force(String name) throws IOException {
      step(() -> real.force(name));
    }
  }
}
