// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.memory.NativeBlock;

@Timeout(60)
class EventFdTest {
  private static final long FOREVER = -1;
  private final Kernel host = Kernel.host();

  @Test
  void countsSignalsUntilTaken() {
    try (EventFd event = EventFd.create(host, "test")) {
      assertThat(event.take()).isZero();
      event.signal();
      event.signal();
      assertThat(event.await(FOREVER)).isEqualTo(2);
      assertThat(event.take()).isZero();
      event.signal();
      assertThat(event.take()).isEqualTo(1);
    }
  }

  @Test
  void waitsAsLongAsItWasTold() {
    try (EventFd event = EventFd.create(host, "test")) {
      long start = System.nanoTime();
      assertThat(event.await(20_500_000)).isZero();
      assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(20_500_000);
      assertThat(event.await(0)).isZero();
    }
  }

  @Test
  void aFullCounterIsRaisedAllTheSame() {
    try (EventFd event = EventFd.create(host, "test")) {
      NativeBlock most = new NativeBlock(8);
      most.putLong(0, -2);
      assertThat(host.write(event.fd(), most, 8)).isEqualTo(8);
      event.signal();
      assertThat(event.await(0)).isEqualTo(-2);
    }
  }

  @Test
  void goesOnAfterASignalButNotBeyondTheTimeout() {
    Kernel kernel = mock(Kernel.class, delegatesTo(host));
    doReturn(Errno.EINTR.result(), Errno.EINTR.result(), 0)
        .when(kernel)
        .poll(any(), anyInt(), anyInt());
    try (EventFd event = EventFd.create(kernel, "test")) {
      assertThat(event.await(5_000_000)).isZero();
    }
    verify(kernel, times(3)).poll(any(), anyInt(), anyInt());
    doReturn(Errno.EFAULT.result()).when(kernel).poll(any(), anyInt(), anyInt());
    assertThatThrownBy(() -> new PollSet(1).poll(kernel, 0))
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("EFAULT");
  }

  @Test
  void aWaitLongerThanOneCallCanBeIsGoneOnWith() {
    Kernel kernel = mock(Kernel.class);
    doReturn(0, 1).when(kernel).poll(any(), anyInt(), anyInt());
    assertThat(new PollSet(1).poll(kernel, Long.MAX_VALUE)).isEqualTo(1);
    verify(kernel, times(2))
        .poll(any(), anyInt(), org.mockito.ArgumentMatchers.eq(Integer.MAX_VALUE));
  }

  @Test
  void aDescriptorThatIsNoneIsAnError() {
    EventFd event = EventFd.adopt(host, 987_654, "nothing");
    assertThatThrownBy(() -> event.await(FOREVER))
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("EBADF");
    assertThatThrownBy(event::close)
        .isInstanceOf(VfioException.class)
        .hasMessageContaining("EBADF");
    assertThat(event.isClosed()).isTrue();
  }

  @Test
  void usesAfterCloseAreRefused() {
    EventFd event = EventFd.create(host, "interrupt 3");
    event.close();
    event.close();
    List.<Runnable>of(
            event::signal, event::take, () -> event.await(0), event::fd, event::duplicateFd)
        .forEach(
            use ->
                assertThatThrownBy(use::run)
                    .isInstanceOfSatisfying(
                        VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CLOSED))
                    .hasMessageContaining("interrupt 3"));
  }

  @Test
  void closeWakesEveryWaiter() throws Exception {
    FdGuard guard = new FdGuard();
    int waiters = 8;
    ExecutorService pool = Executors.newFixedThreadPool(waiters);
    EventFd event = EventFd.create(guard.kernel(), "test");
    CountDownLatch started = new CountDownLatch(waiters);
    List<Future<Reason>> ends = new ArrayList<>();
    for (int i = 0; i < waiters; i++) {
      ends.add(
          pool.submit(
              () -> {
                started.countDown();
                return reasonOfWait(event);
              }));
    }
    started.await();
    Thread.sleep(50);
    event.close();
    for (Future<Reason> end : ends) {
      assertThat(end.get(10, TimeUnit.SECONDS)).isEqualTo(Reason.CLOSED);
    }
    pool.shutdown();
    assertThat(guard.stillOpen()).isZero();
    assertThat(guard.wrong).isEmpty();
  }

  /**
   * Whoever takes the counter at the moment of the close must not take the others' wake-up call.
   */
  @Test
  void takersDoNotSwallowTheWakeUpOfTheClose() throws Exception {
    int waiters = 3;
    ExecutorService pool = Executors.newFixedThreadPool(waiters + 2);
    FdGuard guard = new FdGuard();
    for (int round = 0; round < 1500; round++) {
      EventFd event = EventFd.create(guard.kernel(), "test");
      List<Future<?>> ends = new ArrayList<>();
      for (int i = 0; i < waiters; i++) {
        ends.add(
            pool.submit(
                () -> {
                  try {
                    while (true) {
                      event.await(FOREVER);
                    }
                  } catch (VfioException e) {
                    assertThat(e.reason()).isEqualTo(Reason.CLOSED);
                  }
                }));
      }
      ends.add(
          pool.submit(
              () -> {
                try {
                  while (true) {
                    event.signal();
                    event.take();
                  }
                } catch (VfioException e) {
                  assertThat(e.reason()).isEqualTo(Reason.CLOSED);
                }
              }));
      for (int spin = 0; spin < round % 300; spin++) {
        Thread.onSpinWait();
      }
      if (round % 2 == 0) {
        ends.add(pool.submit(event::close));
      }
      event.close();
      for (Future<?> end : ends) {
        end.get(10, TimeUnit.SECONDS);
      }
    }
    pool.shutdown();
    assertThat(guard.wrong).isEmpty();
    assertThat(guard.closes).hasValue(1500);
    assertThat(guard.stillOpen()).isZero();
  }

  /** The same race, played slowly: the taker reads between the close and its wake-up call's end. */
  @Test
  void aTakerThatIsOvertakenByTheCloseWakesTheOthers() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    Kernel kernel = mock(Kernel.class, delegatesTo(host));
    org.mockito.Mockito.doAnswer(
            call -> {
              reading.countDown();
              closed.await();
              return host.read(call.getArgument(0), call.getArgument(1), call.getArgument(2));
            })
        .when(kernel)
        .read(anyInt(), any(), anyInt());
    EventFd event = EventFd.create(kernel, "test");
    ExecutorService pool = Executors.newFixedThreadPool(2);
    Future<Long> taker = pool.submit(event::take);
    reading.await();
    event.close();
    closed.countDown();
    assertThatThrownBy(taker::get)
        .as("what it took is no count")
        .hasCauseInstanceOf(VfioException.class)
        .hasMessageContaining("was closed while a thread waited for it");
    pool.shutdown();
    // Once for the close, once more for what the take took.
    verify(kernel, times(2)).write(anyInt(), any(), anyInt());
  }

  @Test
  void waitingTakingAndSignallingAllocateNothing() {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    try (EventFd event = EventFd.create(host, "test")) {
      long least = Long.MAX_VALUE;
      // The compilers need a while to see through it all.
      for (int round = 0; round < 40 && least != 0; round++) {
        long before = threads.getThreadAllocatedBytes(self);
        for (int i = 0; i < 2000; i++) {
          event.signal();
          event.await(FOREVER);
          event.take();
          event.await(0);
        }
        least = Math.min(least, threads.getThreadAllocatedBytes(self) - before);
      }
      assertThat(least).isZero();
    }
  }

  private static Reason reasonOfWait(EventFd event) {
    try {
      event.await(FOREVER);
      return null;
    } catch (VfioException e) {
      return e.reason();
    }
  }
}
