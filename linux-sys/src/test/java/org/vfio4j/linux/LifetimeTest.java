// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

@Timeout(60)
class LifetimeTest {
  private final List<String> released = new ArrayList<>();

  private Lifetime life(String name, Lifetime... parents) {
    return new Lifetime(name, () -> released.add(name), parents);
  }

  @Test
  void parentsStayUntilTheLastChildIsGone() {
    Lifetime file = life("file");
    Lifetime space = life("space", file);
    Lifetime buffer = life("buffer", space, file);
    file.close();
    space.close();
    assertThat(released).isEmpty();
    assertThat(file.isClosed()).isTrue();
    buffer.close();
    assertThat(released).containsExactly("buffer", "space", "file");
    buffer.close();
    file.close();
    assertThat(released).hasSize(3);
  }

  @Test
  void aCallThatIsUnderwayPutsTheReleaseOff() {
    Lifetime file = life("file");
    file.enter();
    file.close();
    assertThat(released).isEmpty();
    assertThatThrownBy(file::enter)
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CLOSED))
        .hasMessageContaining("file");
    file.leave();
    assertThat(released).containsExactly("file");
  }

  @Test
  void aClosedParentTakesNoChildAndTheOtherParentsAreLetGo() {
    Lifetime open = life("open");
    Lifetime closed = life("closed");
    closed.close();
    assertThatThrownBy(() -> life("child", open, closed)).isInstanceOf(VfioException.class);
    open.close();
    assertThat(released).containsExactly("closed", "open");
  }

  @Test
  void everythingIsReleasedWhateverFails() {
    IllegalStateException first = new IllegalStateException("first");
    IllegalStateException second = new IllegalStateException("second");
    Lifetime root = life("root");
    Lifetime parent =
        new Lifetime(
            "parent",
            () -> {
              throw second;
            },
            root);
    Lifetime child =
        new Lifetime(
            "child",
            () -> {
              throw first;
            },
            parent);
    root.close();
    parent.close();
    assertThatThrownBy(child::close).isSameAs(first).hasSuppressedException(second);
    assertThat(released).containsExactly("root");
  }

  @Test
  void anErrorOfTheJvmDoesNotKeepTheParents() {
    Lifetime root = life("root");
    Lifetime child =
        new Lifetime(
            "child",
            () -> {
              throw new InternalError("late SIGBUS");
            },
            root);
    root.close();
    assertThatThrownBy(child::close).isInstanceOf(InternalError.class);
    assertThat(released).containsExactly("root");
  }

  @Test
  void isReleasedOnceAndNeverInUseUnderARace() throws Exception {
    int threads = 4;
    int rounds = 20_000;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    AtomicInteger releases = new AtomicInteger();
    AtomicInteger inside = new AtomicInteger();
    AtomicBoolean bad = new AtomicBoolean();
    AtomicInteger uses = new AtomicInteger();
    Lifetime[] lives = new Lifetime[rounds];
    for (int i = 0; i < rounds; i++) {
      AtomicBoolean gone = new AtomicBoolean();
      lives[i] =
          new Lifetime(
              "x",
              () -> {
                releases.incrementAndGet();
                if (gone.getAndSet(true) || inside.get() != 0) {
                  bad.set(true);
                }
              });
    }
    Phaser phaser = new Phaser(threads);
    List<Future<?>> all = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      boolean closer = t == 0;
      all.add(
          pool.submit(
              () -> {
                for (Lifetime life : lives) {
                  phaser.arriveAndAwaitAdvance();
                  if (closer) {
                    life.close();
                  } else {
                    use(life, inside, uses);
                  }
                  phaser.arriveAndAwaitAdvance();
                }
              }));
    }
    for (Future<?> one : all) {
      one.get();
    }
    pool.shutdown();
    assertThat(releases).hasValue(rounds);
    assertThat(bad).isFalse();
    assertThat(uses.get()).as("the race must be one").isPositive();
  }

  private static void use(Lifetime life, AtomicInteger inside, AtomicInteger uses) {
    for (int i = 0; i < 3; i++) {
      try {
        life.enter();
      } catch (VfioException e) {
        return;
      }
      inside.incrementAndGet();
      uses.incrementAndGet();
      inside.decrementAndGet();
      life.leave();
    }
  }
}
