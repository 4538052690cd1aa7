// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Leaks;

/** Nothing stays behind: not after a thousand devices, and not after one that was forgotten. */
class LifecycleTest {
  private static final int ROUNDS = 1000;
  private static final int FIRST_ROUNDS = 20;

  /** Large against what the JVM's own address space varies by, times {@link #ROUNDS}. */
  private static final long BUFFER = 256 * 1024;

  /** The JVM takes some in pieces of 64 MiB; one round takes more than 1 MiB. */
  private static final long NOISE = 200L << 20;

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @EveryGroupMode
  void aThousandTimes(VfioMode mode) {
    for (int i = 0; i < FIRST_ROUNDS; i++) {
      round(mode);
    }
    ProcessState before = ProcessState.now();
    long addressSpace = ProcessState.addressSpace();
    for (int i = 0; i < ROUNDS; i++) {
      round(mode);
    }
    ProcessState.now().assertSameAs(before);
    // Address ranges are given back when no thread can reach them any more, which the GC finds out.
    assertThat(eventually(() -> ProcessState.addressSpace() < addressSpace + NOISE))
        .as("%d bytes of address space, %d before", ProcessState.addressSpace(), addressSpace)
        .isTrue();
    // The group is nobody's: every mode can have it.
    for (VfioMode other : Lab.modes()) {
      AssignedDevice.open(Lab.KERNEL, other, Lab.EDU).close();
    }
  }

  private static void round(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        MappedRegion registers = assigned.device().region(VfioPci.BAR0).map();
        Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1);
        DmaBuffer buffer = assigned.dma().allocate(BUFFER)) {
      assigned.device().config().enableBusMaster(true);
      buffer.memory().putIntLe(0, 1);
      registers.putIntLe(Edu.RAISE, 1);
      if (msi.await(0, PATIENCE) != 1) {
        throw new AssertionError("no interrupt");
      }
      registers.putIntLe(Edu.ACKNOWLEDGE, 1);
    }
  }

  @EveryGroupMode
  void whatIsLostIsReleasedChildrenFirst(VfioMode mode) {
    ProcessState before = ProcessState.now();
    List<String> lost = Collections.synchronizedList(new ArrayList<>());
    List<String> calls = Collections.synchronizedList(new ArrayList<>());
    try (Leaks.Registration ignored =
        Leaks.listen(
            leak -> {
              assertThat(leak.failure()).as(leak.object()).isEmpty();
              lost.add(leak.object());
            })) {
      lose(recording(calls), mode);
      calls.clear();
      assertThat(eventually(() -> ProcessState.countFds() == before.fds().size()))
          .as("lost: %s, open: %s", lost, ProcessState.now().fds())
          .isTrue();
      assertThat(eventually(() -> lost.stream().anyMatch(name -> name.contains("at IOVA"))))
          .isTrue();
    }
    assertThat(lost)
        .anyMatch(name -> name.startsWith("mapping of BAR0 of 0000:00:05.0"))
        .anyMatch(name -> name.startsWith("MSI of 0000:00:05.0"))
        .anyMatch(name -> name.equals("0000:00:05.0"));
    int device = calls.indexOf("close device");
    assertThat(calls.subList(0, device)).contains("munmap", "SET_IRQS");
    assertThat(calls.indexOf("unmap")).isBetween(0, calls.lastIndexOf("close"));
    ProcessState.now().assertSameAs(before);
    AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU).close();
  }

  /** In a method of its own, so that no local variable keeps it. */
  private static void lose(Kernel kernel, VfioMode mode) {
    AssignedDevice assigned = AssignedDevice.open(kernel, mode, Lab.EDU);
    MappedRegion registers = assigned.device().region(VfioPci.BAR0).map();
    Interrupts msi = assigned.device().interrupts(VfioPci.MSI).enable(1);
    DmaBuffer buffer = assigned.dma().allocate(4096);
    assertThat(registers.getIntLe(Edu.IDENTIFICATION)).isEqualTo(Edu.IDENTITY);
    assertThat(msi.vectors()).isEqualTo(1);
    assertThat(buffer.size()).isEqualTo(4096);
  }

  /** The host's kernel, which notes the calls that release something. */
  private static Kernel recording(List<String> calls) {
    List<Integer> devices = Collections.synchronizedList(new ArrayList<>());
    return (Kernel)
        Proxy.newProxyInstance(
            Kernel.class.getClassLoader(),
            new Class<?>[] {Kernel.class},
            (proxy, method, arguments) -> {
              Object result;
              try {
                result = method.invoke(Lab.KERNEL, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
              switch (method.getName()) {
                case "munmap" -> calls.add("munmap");
                case "close" ->
                    calls.add(devices.contains(arguments[0]) ? "close device" : "close");
                case "ioctl" -> {
                  int request = (int) arguments[1];
                  if (request == VfioDeviceUapi.VFIO_DEVICE_SET_IRQS) {
                    calls.add("SET_IRQS");
                  } else if (request == IommufdUapi.IOMMU_IOAS_UNMAP
                      || request == IommufdUapi.IOMMU_DESTROY
                      || request == VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA) {
                    calls.add("unmap");
                  } else if (request == VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD) {
                    devices.add((Integer) result);
                  } else if (request == VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD) {
                    devices.add((Integer) arguments[0]);
                  }
                }
                default -> {}
              }
              return result;
            });
  }

  /** Collects garbage until it is so, but not for ever. */
  private static boolean eventually(BooleanSupplier condition) {
    long giveUp = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > giveUp) {
        return false;
      }
      System.gc();
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    return true;
  }
}
