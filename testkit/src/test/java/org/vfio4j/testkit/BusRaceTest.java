// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * The host binds, unbinds, removes, pulls out and finds a device with virtual functions, in several
 * threads, while others open it: each call ends, as a success or as an errno.
 */
@Tag("random")
class BusRaceTest {
  private static final String BUS = "/sys/bus/pci";
  private static final PciAddress PHYSICAL = PciAddress.of("0000:00:05.0");
  private static final PciAddress VIRTUAL = PciAddress.of("0000:00:05.1");
  private static final int HOSTS = 4;
  private static final int USERS = 3;

  /** Of each host, and devices that the users have opened: until there are as many. */
  private static final int CALLS = 400;

  private static final int OPENED = 40;

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_6,
          machine -> {
            NvmeModel nvme = new NvmeModel("here", 1 << 20).withVirtualFunctions(2);
            machine.device(PHYSICAL.toString(), nvme).inGroup(1).boundTo("nvme");
          });

  /** Messages of refusals that do not say what is the matter. */
  private final Set<String> withoutFact = new ConcurrentSkipListSet<>();

  private final AtomicInteger opened = new AtomicInteger();

  private void write(String path, String text) {
    kernel.writeFile(path, text.getBytes(StandardCharsets.US_ASCII));
  }

  private void host(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < CALLS || opened.get() < OPENED; i++) {
      PciAddress address = random.nextInt(3) == 0 ? VIRTUAL : PHYSICAL;
      String folder = BUS + "/devices/" + address;
      String driver = random.nextInt(4) == 0 ? "nvme" : PciDriver.VFIO_PCI;
      switch (random.nextInt(20)) {
        case 0 -> write(folder + "/remove", "1");
        case 1 -> pullOut();
        case 2 -> write(BUS + "/drivers/" + driver + "/unbind", address.toString());
        case 3 -> write(BUS + "/drivers/" + driver + "/bind", address.toString());
        case 4 -> kernel.readFile(folder + "/sriov_numvfs");
        case 5 -> write(BUS + "/drivers_probe", address.toString());
        case 6 -> write(folder + "/driver_override", driver);
        case 7, 8, 9 -> write(folder + "/sriov_numvfs", Integer.toString(random.nextInt(3)));
        case 10, 11 -> kernel.plug(PHYSICAL.toString());
        case 12, 13 -> write(BUS + "/rescan", "1");
        default -> bind(address, driver);
      }
    }
  }

  private void said(VfioException refusal) {
    if (refusal.fact().isEmpty()) {
      withoutFact.add(refusal.getMessage());
    }
  }

  /** As an administrator does it, who finds out that others were at it. */
  private void bind(PciAddress address, String driver) {
    try {
      PciDriver.bind(kernel, address, driver);
    } catch (VfioException e) {
      said(e);
    }
  }

  private void pullOut() {
    try {
      kernel.unplug(PHYSICAL.toString());
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("there is no device");
    }
  }

  private void user(long seed, List<Future<?>> hosts) {
    Random random = new Random(seed);
    while (!hosts.stream().allMatch(Future::isDone)) {
      PciAddress address = random.nextBoolean() ? VIRTUAL : PHYSICAL;
      VfioMode mode = VfioMode.all().get(random.nextInt(VfioMode.all().size()));
      try (AssignedDevice device = AssignedDevice.open(kernel, mode, address)) {
        opened.incrementAndGet();
        device.device().requests().onRequest(asked -> {});
        device.device().reset();
      } catch (VfioException e) {
        said(e);
      } catch (RuntimeException | Error e) {
        // Nobody is to wait for what this one does not open any more.
        opened.addAndGet(OPENED);
        throw e;
      }
    }
  }

  @Test
  void everyCallEnds() throws Exception {
    write("/sys/module/vfio_pci/parameters/enable_sriov", "Y");
    ExecutorService threads = Executors.newFixedThreadPool(HOSTS + USERS);
    List<Future<?>> hosts = new ArrayList<>();
    for (int i = 0; i < HOSTS; i++) {
      long seed = i;
      hosts.add(threads.submit(() -> host(seed)));
    }
    List<Future<?>> users = new ArrayList<>();
    for (int i = 0; i < USERS; i++) {
      long seed = HOSTS + (long) i;
      users.add(threads.submit(() -> user(seed, hosts)));
    }
    for (Future<?> thread : hosts) {
      thread.get(120, TimeUnit.SECONDS);
    }
    for (Future<?> thread : users) {
      thread.get(120, TimeUnit.SECONDS);
    }
    threads.shutdown();
    assertThat(withoutFact).isEmpty();
    // Whoever was unbound with virtual functions keeps them, and is nothing for vfio-pci.
    write(BUS + "/devices/" + PHYSICAL + "/remove", "1");
    kernel.plug(PHYSICAL.toString());
    PciDriver.bind(kernel, PHYSICAL, PciDriver.VFIO_PCI);
    AssignedDevice.open(kernel, VfioMode.IOMMUFD, PHYSICAL).close();
    assertThat(kernel).holdsNothing();
  }
}
