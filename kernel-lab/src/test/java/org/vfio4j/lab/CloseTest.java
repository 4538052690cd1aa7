// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.IrqIndex;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.PciConfigSpace;
import org.vfio4j.device.Region;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Kernel;

/** Closing: in any order, twice, from another thread, and what is said to who comes too late. */
class CloseTest {
  /** Of the 5040 orders of a group's seven objects each mode takes other ones. */
  private static final int STEP = 23;

  private final ExecutorService others = Executors.newCachedThreadPool();

  @AfterEach
  void endThreads() throws InterruptedException {
    others.shutdownNow();
    assertThat(others.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
  }

  @EveryGroupMode
  void inEveryOrder(VfioMode mode) {
    Map<String, AutoCloseable> first = open(mode);
    first.values().forEach(CloseTest::close);
    ProcessState before = ProcessState.now();
    List<List<Integer>> orders = permutations(first.size());
    int step = mode == VfioMode.IOMMUFD ? 3 : STEP;
    for (int i = VfioMode.all().indexOf(mode); i < orders.size(); i += step) {
      Map<String, AutoCloseable> objects = open(mode);
      List<String> names = new ArrayList<>(objects.keySet());
      List<String> order = orders.get(i).stream().map(names::get).toList();
      try {
        for (String name : order) {
          close(objects.get(name));
        }
        // The second time nothing happens.
        objects.values().forEach(CloseTest::close);
        assertThat(ProcessState.countFds()).as("left open").isEqualTo(before.fds().size());
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("closed in the order " + order, e);
      }
    }
    ProcessState.now().assertSameAs(before);
  }

  /** All that a program may hold, by name; in use. */
  private static Map<String, AutoCloseable> open(VfioMode mode) {
    Map<String, AutoCloseable> objects = new LinkedHashMap<>();
    VfioDevice device;
    DmaSpace space;
    if (mode == VfioMode.IOMMUFD) {
      Iommufd iommufd = Iommufd.open(Lab.KERNEL);
      Ioas ioas = iommufd.allocateIoas();
      BoundDevice bound =
          VfioCdev.find(Lab.KERNEL, Lab.EDU).open().bind(iommufd, DeviceCookie.of(1));
      bound.attach(ioas);
      objects.put("iommufd", iommufd);
      objects.put("space", ioas);
      device = bound;
      space = ioas;
    } else {
      Kernel kernel = Lab.kernel(mode);
      VfioContainer container = container(kernel, mode);
      VfioGroup group = VfioGroup.of(kernel, Lab.sysfs(Lab.EDU)).join(container);
      Type1Iommu iommu = container.setIommu(Lab.type(mode));
      objects.put("container", container);
      objects.put("group", group);
      objects.put("space", iommu);
      device = group.device(Lab.EDU);
      space = iommu;
    }
    objects.put("device", device);
    objects.put("region", device.region(VfioPci.BAR0).map());
    objects.put("interrupts", device.interrupts(VfioPci.MSI).enable(1));
    objects.put("buffer", space.allocate(4096));
    return objects;
  }

  private static VfioContainer container(Kernel kernel, VfioMode mode) {
    if (!mode.isCompat()) {
      return VfioContainer.open(kernel);
    }
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      return VfioContainer.overIommufd(Lab.KERNEL, iommufd.fd());
    }
  }

  private static void close(AutoCloseable object) {
    try {
      object.close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static List<List<Integer>> permutations(int count) {
    List<List<Integer>> longer = new ArrayList<>();
    if (count == 0) {
      longer.add(List.of());
      return longer;
    }
    for (List<Integer> shorter : permutations(count - 1)) {
      for (int at = 0; at <= shorter.size(); at++) {
        List<Integer> one = new ArrayList<>(shorter);
        one.add(at, count - 1);
        longer.add(one);
      }
    }
    return longer;
  }

  @EveryGroupMode
  void useAfterClose(VfioMode mode) {
    AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
    VfioDevice device = assigned.device();
    DmaSpace space = assigned.dma();
    Region bar = device.region(VfioPci.BAR0);
    PciConfigSpace config = device.config();
    IrqIndex index = device.interrupts(VfioPci.MSI);
    MappedRegion mapped = bar.map();
    Interrupts msi = index.enable(1);
    EventFd eventFd = msi.eventFd(0);
    DmaBuffer buffer = space.allocate(4096);
    long address = buffer.memory().address();

    buffer.close();
    closed(() -> buffer.memory().getIntLe(0), () -> buffer.memory().putByte(0, (byte) 1));
    closed(() -> buffer.memory().read(0, new byte[1], 0, 1));
    msi.close();
    closed(
        () -> msi.await(0, Duration.ZERO),
        () -> msi.take(0),
        () -> msi.trigger(0),
        eventFd::take,
        eventFd::signal,
        eventFd::fd,
        () -> eventFd.await(-1));
    mapped.close();
    closed(
        () -> mapped.getByte(0),
        () -> mapped.getShortLe(0),
        () -> mapped.getIntLe(0),
        () -> mapped.getLongLe(0),
        () -> mapped.putByte(0, (byte) 1),
        () -> mapped.putShortLe(0, (short) 1),
        () -> mapped.putIntLe(0, 1),
        () -> mapped.putLongLe(0, 1),
        () -> mapped.read(0, new byte[1], 0, 1),
        () -> mapped.write(0, new byte[1], 0, 1));
    assertThat(bar.getIntLe(Edu.IDENTIFICATION)).as("open still").isEqualTo(Edu.IDENTITY);

    assigned.close();
    closed(
        () -> device.region(VfioPci.BAR0),
        () -> device.interrupts(VfioPci.MSI),
        device::config,
        device::reset,
        device::fd,
        device::duplicateFd,
        bar::map,
        () -> bar.getIntLe(0),
        () -> bar.putIntLe(0, 1),
        () -> config.read16(0),
        () -> config.enableMemory(true),
        () -> index.enable(1),
        () -> index.enable(List.of(eventFd)),
        () -> space.map(address, 4096, 0x100000, DmaAccess.READ),
        () -> space.map(address, 4096, DmaAccess.READ),
        () -> space.tryMap(address, 4096, 0x100000, DmaAccess.READ),
        () -> space.unmap(0x100000, 4096),
        () -> space.tryUnmap(0x100000, 4096),
        space::allowedIovas,
        () -> space.allocate(4096),
        () -> assigned.openBeside(Lab.sysfs(Lab.NVME), DeviceCookie.of(1)));
    assertThat(device.info().numIrqs()).as("what was read before is known still").isEqualTo(5);
  }

  @EveryGroupMode
  void useAfterCloseOfTheObjectsBehind(VfioMode mode) {
    Map<String, AutoCloseable> objects = open(mode);
    objects.values().forEach(CloseTest::close);
    if (mode == VfioMode.IOMMUFD) {
      Iommufd iommufd = (Iommufd) objects.get("iommufd");
      Ioas ioas = (Ioas) objects.get("space");
      BoundDevice device = (BoundDevice) objects.get("device");
      closed(
          iommufd::allocateIoas,
          iommufd::rlimitMode,
          iommufd::fd,
          iommufd::duplicateFd,
          () -> iommufd.destroy(1),
          ioas::unmapAll,
          ioas::hugePages,
          ioas::iovaAlignment,
          () -> ioas.allowIovas(List.of()),
          () -> device.attach(ioas));
      try (Iommufd open = Iommufd.open(Lab.KERNEL);
          UnboundDevice unbound = VfioCdev.find(Lab.KERNEL, Lab.EDU).open()) {
        closed(() -> unbound.bind(iommufd, DeviceCookie.of(1)));
        unbound.close();
        closed(() -> unbound.bind(open, DeviceCookie.of(1)));
      }
      try (Iommufd open = Iommufd.open(Lab.KERNEL);
          Ioas space = open.allocateIoas();
          BoundDevice bound =
              VfioCdev.find(Lab.KERNEL, Lab.EDU).open().bind(open, DeviceCookie.of(1))) {
        Attachment attachment = bound.attach(space);
        bound.close();
        assertThat(attachment.isCurrent()).isFalse();
        Refusal.of(Reason.WRONG_STATE, attachment::detach);
      }
    } else {
      VfioContainer container = (VfioContainer) objects.get("container");
      VfioGroup group = (VfioGroup) objects.get("group");
      Type1Iommu iommu = (Type1Iommu) objects.get("space");
      closed(
          () -> container.checkExtension(1),
          () -> container.setIommu(IommuType.TYPE1_V2),
          container::fd,
          group::status,
          group::leave,
          () -> group.join(container),
          () -> group.device(Lab.EDU),
          iommu::allowedIovas,
          iommu::info);
      try (VfioGroup open = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU))) {
        closed(() -> open.join(container));
      }
    }
  }

  @EveryGroupMode
  void whileAThreadWaits(VfioMode mode) throws Exception {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1);
      CountDownLatch waiting = new CountDownLatch(1);
      Future<VfioException> refusal =
          others.submit(
              () -> {
                waiting.countDown();
                return Refusal.of(Reason.CLOSED, () -> msi.await(0, Duration.ofSeconds(-1)));
              });
      waiting.await();
      Thread.sleep(20);
      msi.close();
      refusal.get(20, TimeUnit.SECONDS);
      assigned.device().interrupts(VfioPci.MSI).enable(1).close();
    }
  }

  @EveryGroupMode
  void whileThreadsReadRegisters(VfioMode mode) throws Exception {
    for (int round = 0; round < 5; round++) {
      AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
      Region bar = assigned.device().region(VfioPci.BAR0);
      MappedRegion mapped = bar.map();
      CountDownLatch reading = new CountDownLatch(2);
      Future<?> throughMapping =
          others.submit(() -> readUntilClosed(() -> mapped.getIntLe(0), reading));
      Future<?> byCalls = others.submit(() -> readUntilClosed(() -> bar.getIntLe(0), reading));
      reading.await();
      mapped.close();
      assigned.close();
      throughMapping.get(20, TimeUnit.SECONDS);
      byCalls.get(20, TimeUnit.SECONDS);
    }
  }

  private interface Register {
    int read();
  }

  /** Every value is the device's, to the last. */
  private static void readUntilClosed(Register register, CountDownLatch reading) {
    try {
      for (int count = 0; ; count++) {
        int value = register.read();
        if (value != Edu.IDENTITY) {
          throw new AssertionError(String.format("read %#x after %d times", value, count));
        }
        if (count == 100) {
          reading.countDown();
        }
      }
    } catch (VfioException e) {
      assertThat(e.reason()).as(e.getMessage()).isEqualTo(Reason.CLOSED);
    }
  }

  @EveryGroupMode
  void whileThreadsMap(VfioMode mode) throws Exception {
    ProcessState before = ProcessState.now();
    for (int round = 0; round < 5; round++) {
      AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
      DmaSpace space = assigned.dma();
      CountDownLatch mapping = new CountDownLatch(2);
      List<Future<?>> threads = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        threads.add(
            others.submit(
                () ->
                    Refusal.of(
                        Reason.CLOSED,
                        () -> {
                          while (true) {
                            space.allocate(8192).close();
                            mapping.countDown();
                          }
                        })));
      }
      assertThat(mapping.await(20, TimeUnit.SECONDS)).isTrue();
      assigned.close();
      for (Future<?> thread : threads) {
        thread.get(20, TimeUnit.SECONDS);
      }
    }
    ProcessState after = ProcessState.now();
    assertThat(after.fds()).isEqualTo(before.fds());
    assertThat(after.pinned()).isEqualTo(before.pinned());
    assertThat(after.locked()).isEqualTo(before.locked());
  }

  private static void closed(ThrowingCallable... calls) {
    for (int i = 0; i < calls.length; i++) {
      VfioException refusal;
      try {
        refusal = Refusal.of(Reason.CLOSED, calls[i]);
      } catch (AssertionError e) {
        throw new AssertionError("call " + i, e);
      }
      assertThat(refusal.fact()).isNotEmpty();
    }
  }
}
