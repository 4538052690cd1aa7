// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.memory.MappedMemory;

/** A bridge that several threads use at a time: what one ends, another one is in the middle of. */
@Tag("lab")
class BridgeThreadsTest {
  private static final long IOVA = 0x10_0000;
  private static final int PATIENCE_SECONDS = 240;

  private final CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_2);
  private final MappedMemory memory = Memory.pages(1);
  private final List<Thread> started = Collections.synchronizedList(new ArrayList<>());
  private final ExecutorService threads = Executors.newCachedThreadPool(this::start);

  private Thread start(Runnable work) {
    Thread thread = new Thread(work);
    started.add(thread);
    return thread;
  }

  @AfterEach
  void end() throws InterruptedException {
    threads.shutdownNow();
    awaitThreads();
    Lab.KERNEL.munmap(memory);
  }

  /** A pool says that it has terminated before its last thread is gone. */
  private void awaitThreads() throws InterruptedException {
    threads.shutdown();
    assertThat(threads.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    for (Thread thread : List.copyOf(started)) {
      thread.join();
    }
  }

  /** Runs them all at once, again and again until the first is through with its rounds. */
  private void together(int rounds, Callable<?> first, List<Callable<?>> others)
      throws ExecutionException, InterruptedException, TimeoutException {
    AtomicBoolean over = new AtomicBoolean();
    List<Future<?>> running = new ArrayList<>();
    for (Callable<?> other : others) {
      running.add(
          threads.submit(
              () -> {
                while (!over.get()) {
                  other.call();
                }
                return null;
              }));
    }
    running.add(
        threads.submit(
            () -> {
              try {
                for (int i = 0; i < rounds; i++) {
                  first.call();
                }
              } finally {
                over.set(true);
              }
              return null;
            }));
    for (Future<?> one : running) {
      one.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
  }

  /** A group comes and goes while another one stays, is mapped for, and has its device opened. */
  @Test
  void groupsComeAndGoWhileOthersWork()
      throws ExecutionException, InterruptedException, TimeoutException {
    ProcessState before = ProcessState.now();
    try (RawContainer stays = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.NVME);
        RawContainer comes = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU)) {
      stays.ready();
      comes.withGroup();
      together(
          30,
          () -> {
            assertThat(comes.joinWith(stays)).isEqualTo("0");
            comes.close(comes.device());
            assertThat(comes.leave()).isEqualTo("0");
            return null;
          },
          List.of(
              () -> mapAndUnmap(stays, IOVA),
              () -> mapAndUnmap(stays, IOVA + PAGE),
              () -> {
                stays.close(stays.device());
                return null;
              },
              () -> {
                assertThat(stays.infoAnswer()).isEqualTo("0");
                assertThat(stays.extension(4)).isIn("0", "1");
                return null;
              },
              () -> {
                int copy = bridge.dup(stays.container());
                assertThat(copy).isPositive();
                return bridge.close(copy);
              }));
      assertThat(stays.available()).isEqualTo("65535");
    }
    // What is idle in the pool is no thread of the bridge.
    awaitThreads();
    ProcessState.now().assertSameAs(before);
  }

  private Void mapAndUnmap(RawContainer raw, long iova) {
    assertThat(raw.map(memory.address(), iova, PAGE)).isEqualTo("0");
    assertThat(raw.unmap(iova, PAGE)).isEqualTo("0, size 1 page");
    return null;
  }

  /** What is unmapped is told once, to whoever unmapped it. */
  @Test
  void everyPageIsUnmappedByOneOfThem()
      throws ExecutionException, InterruptedException, TimeoutException {
    LongAdder mapped = new LongAdder();
    LongAdder unmapped = new LongAdder();
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU)) {
      raw.ready();
      List<Callable<?>> others = new ArrayList<>();
      for (int thread = 0; thread < 2; thread++) {
        long iova = IOVA + 2L * thread * PAGE;
        others.add(
            () -> {
              for (int page = 0; page < 2; page++) {
                if (raw.map(memory.address(), iova + page * PAGE, PAGE).equals("0")) {
                  mapped.add(PAGE);
                }
              }
              unmapped.add(raw.unmapped(0, iova, PAGE));
              return null;
            });
      }
      Callable<?> all =
          () -> {
            unmapped.add(raw.unmapped(VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL, 0, 0));
            return null;
          };
      together(2000, all, others);
      unmapped.add(raw.unmapped(VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL, 0, 0));
    }
    assertThat(mapped.sum()).isPositive().isEqualTo(unmapped.sum());
  }

  /** Everything is closed, in any order, under threads that map and ask. */
  @Test
  void whateverIsClosedUnderThem()
      throws ExecutionException, InterruptedException, TimeoutException {
    Random random = new Random(11);
    ProcessState before = ProcessState.now();
    for (int round = 0; round < 12; round++) {
      VfioContainer container = VfioContainer.open(bridge);
      VfioGroup group = VfioGroup.of(bridge, Lab.sysfs(Lab.EDU)).join(container);
      Type1Iommu space = container.setIommu(IommuType.TYPE1_V2);
      VfioDevice device = group.device(Lab.EDU);
      List<AutoCloseable> all = new ArrayList<>(List.of(container, group, space, device));
      Collections.shuffle(all, random);
      List<Future<Integer>> running = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        long iova = IOVA + i * PAGE;
        running.add(threads.submit(() -> mapUntilItIsClosed(space, iova)));
      }
      running.add(threads.submit(() -> openUntilItIsClosed(group)));
      Thread.sleep(random.nextInt(20));
      for (AutoCloseable one : all) {
        close(one);
      }
      for (Future<Integer> one : running) {
        assertThat(one.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isNotNegative();
      }
    }
    awaitThreads();
    ProcessState.now().assertSameAs(before);
    // The group is nobody's any more.
    Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU).close();
  }

  private static void close(AutoCloseable one) {
    try {
      one.close();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private int mapUntilItIsClosed(Type1Iommu space, long iova) {
    for (int mapped = 0; ; mapped++) {
      try {
        int result = space.tryMap(memory.address(), PAGE, iova, DmaAccess.READ_WRITE);
        if (result < 0) {
          // The last group has left; the IOMMU went with it.
          assertThat(Errno.ofResult(result)).isEqualTo(Errno.EINVAL);
          return mapped;
        }
        long bytes = space.tryUnmap(iova, PAGE);
        assertThat(bytes).isIn(PAGE, (long) Errno.EINVAL.result());
      } catch (VfioException e) {
        assertThat(e.reason()).isEqualTo(Reason.CLOSED);
        return mapped;
      }
    }
  }

  private static int openUntilItIsClosed(VfioGroup group) {
    for (int opened = 0; ; opened++) {
      try (VfioDevice device = group.device(Lab.EDU)) {
        assertThat(device.info().numRegions()).isPositive();
      } catch (VfioException e) {
        assertThat(e.reason()).as(e.getMessage()).isIn(Reason.CLOSED, Reason.WRONG_STATE);
        return opened;
      }
    }
  }
}
