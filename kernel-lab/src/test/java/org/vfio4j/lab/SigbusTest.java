// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.PciConfigSpace;
import org.vfio4j.device.VfioPci;

/**
 * A mapped register of a device that does not answer: the kernel sends SIGBUS, and the JVM must
 * survive it.
 */
@Tag("lab")
@Tag("lab-group")
@RealKernelOnly("it runs in a process of its own, and the fake sends no signals")
class SigbusTest {
  /** Interpreted, and compiled by C2. */
  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:-TieredCompilation"})
  void theJvmSurvives(String compilation) {
    List<VfioMode> modes = Lab.modes();
    VfioMode newest = modes.get(modes.size() - 1);
    ChildJvm child = ChildJvm.run(List.of(compilation, "-Xbatch"), Child.class, newest.name());
    assertThat(child.output()).contains("answers again").contains("survived");
    assertThat(child.exit()).as(child.output()).isZero();
    // Where HotSpot delivers it late, the accessor cannot convert it any more.
    assertThat(child.output()).containsPattern("read: (DEVICE_FAULT|InternalError)");
    assertThat(child.output()).containsPattern("write: (DEVICE_FAULT|InternalError)");
  }

  /** Runs in the JVM that may die. */
  static final class Child {
    private static final int WARM = 20_000;

    private static int sum;

    private Child() {}

    public static void main(String[] args) throws InterruptedException {
      try (AssignedDevice assigned =
              AssignedDevice.open(Lab.KERNEL, VfioMode.valueOf(args[0]), Lab.EDU);
          MappedRegion registers = assigned.device().region(VfioPci.BAR0).map()) {
        PciConfigSpace config = assigned.device().config();
        read(registers, WARM);
        write(registers, WARM);
        config.enableMemory(false);
        System.out.println("read: " + fault(() -> read(registers, WARM)));
        System.out.println("write: " + fault(() -> write(registers, WARM)));
        config.enableMemory(true);
        if (registers.getIntLe(Edu.IDENTIFICATION) == Edu.IDENTITY) {
          System.out.println("answers again");
        }
      }
      System.out.println("survived " + sum);
    }

    /** In a thread of its own: what HotSpot still has for it afterwards ends with it. */
    private static String fault(Runnable accesses) throws InterruptedException {
      AtomicReference<String> first = new AtomicReference<>();
      Thread thread =
          new Thread(
              () -> {
                try {
                  accesses.run();
                  enterTheVirtualMachine();
                } catch (VfioException e) {
                  first.set(e.reason() == Reason.DEVICE_FAULT ? "DEVICE_FAULT" : e.getMessage());
                }
              });
      thread.setUncaughtExceptionHandler(
          (ended, e) -> first.compareAndSet(null, e.getClass().getSimpleName()));
      thread.start();
      thread.join();
      return first.get();
    }

    /**
     * Where HotSpot delivers at the latest; a loop of interpreted accesses alone never gets there.
     */
    private static void enterTheVirtualMachine() {
      for (int i = 0; i < 10; i++) {
        try {
          throw new IllegalStateException("to be caught");
        } catch (IllegalStateException expected) {
          sum++;
        }
      }
    }

    private static void read(MappedRegion registers, int times) {
      for (int i = 0; i < times; i++) {
        sum += registers.getIntLe(Edu.IDENTIFICATION);
      }
    }

    private static void write(MappedRegion registers, int times) {
      for (int i = 0; i < times; i++) {
        registers.putIntLe(Edu.LIVENESS, i);
      }
    }
  }
}
