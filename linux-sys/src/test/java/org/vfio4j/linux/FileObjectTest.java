// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.ref.WeakReference;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

@Timeout(60)
class FileObjectTest {
  // Kept, or the garbage collector takes its level with it.
  private static final Logger LOGGER = Logger.getLogger("org.vfio4j.leaks");

  private final FdGuard guard = new FdGuard();
  private final Kernel kernel = guard.kernel();

  private static final class Opened extends FileObject {
    Opened(Kernel kernel, int fd, String name, Runnable afterClose, Lifetime... parents) {
      super(kernel, fd, name, afterClose, parents);
    }
  }

  private int openZero() {
    return kernel.open("/dev/zero", Linux.O_RDONLY);
  }

  @Test
  void aDuplicateOutlivesTheOriginal() {
    Opened file = new Opened(kernel, openZero(), "zero", () -> {});
    int copy = file.duplicateFd();
    assertThat(copy).isNotEqualTo(file.fd());
    file.close();
    assertThat(kernel.read(copy, new org.vfio4j.memory.NativeBlock(4), 4)).isEqualTo(4);
    assertThat(kernel.close(copy)).isZero();
    assertThat(guard.wrong).isEmpty();
    assertThat(guard.stillOpen()).isZero();
  }

  @Test
  void ownsTheDescriptorEvenWhereAParentIsClosed() {
    Lifetime parent = new Lifetime("parent", () -> {});
    parent.close();
    AtomicInteger after = new AtomicInteger();
    int fd = openZero();
    assertThatThrownBy(() -> new Opened(kernel, fd, "zero", after::incrementAndGet, parent))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CLOSED));
    assertThat(guard.stillOpen()).isZero();
    assertThat(after).hasValue(1);
  }

  @Test
  void aCloseThatFailsIsToldOnceAndNotRepeated() {
    AtomicInteger after = new AtomicInteger();
    Opened file = new Opened(Kernel.host(), 987_654, "nothing", after::incrementAndGet);
    assertThatThrownBy(file::close)
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("close of nothing failed: EBADF");
    file.close();
    assertThat(after).hasValue(1);
  }

  @Test
  void duplicatingABadDescriptorIsAnError() {
    Opened file = new Opened(Kernel.host(), 987_654, "nothing", () -> {});
    assertThatThrownBy(file::duplicateFd)
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.errno()).contains(Errno.EBADF));
    assertThatThrownBy(file::close).isInstanceOf(VfioException.class);
  }

  @Test
  void whatIsLostIsReleasedChildrenFirstAndReported() throws Exception {
    List<Leaks.Leak> leaks = new CopyOnWriteArrayList<>();
    List<String> order = new CopyOnWriteArrayList<>();
    LOGGER.setLevel(Level.OFF);
    try (Leaks.Registration failing =
            Leaks.listen(
                leak -> {
                  throw new IllegalStateException("a bad listener");
                });
        Leaks.Registration mine = Leaks.listen(leaks::add)) {
      WeakReference<?> lost = lose(order);
      for (int i = 0;
          i < 200 && (lost.get() != null || order.size() < 2 || leaks.size() < 2);
          i++) {
        System.gc();
        Thread.sleep(20);
      }
    } finally {
      LOGGER.setLevel(null);
    }
    assertThat(order).containsExactly("child", "parent");
    assertThat(leaks)
        .extracting(Leaks.Leak::object)
        .containsExactlyInAnyOrder("lost child", "lost parent");
    assertThat(guard.stillOpen()).isZero();
    assertThat(guard.wrong).isEmpty();
  }

  private WeakReference<?> lose(List<String> order) {
    Opened parent = new Opened(kernel, openZero(), "lost parent", () -> order.add("parent"));
    Opened child =
        new Opened(kernel, openZero(), "lost child", () -> order.add("child"), parent.lifetime());
    Opened closed = new Opened(kernel, openZero(), "closed", () -> {});
    closed.close();
    return new WeakReference<>(child);
  }

  @Test
  void aReleaseThatFailsIsPartOfTheReport() throws Exception {
    List<Leaks.Leak> leaks = new CopyOnWriteArrayList<>();
    try (Leaks.Registration mine = Leaks.listen(leaks::add)) {
      new Opened(Kernel.host(), 987_654, "bad descriptor", () -> {}).fd();
      for (int i = 0; i < 200 && leaks.isEmpty(); i++) {
        System.gc();
        Thread.sleep(20);
      }
    }
    assertThat(leaks).hasSize(1);
    assertThat(leaks.get(0).failure().orElseThrow()).hasMessageContaining("EBADF");
    assertThat(leaks.get(0).openedAt()).isEmpty();
  }
}
