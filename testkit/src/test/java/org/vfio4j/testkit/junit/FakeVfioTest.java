// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder.request;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherFactory;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/** The extension: of tests that do well, and of tests that must not. */
class FakeVfioTest {
  private static final String ADDRESS = "0000:00:05.0";
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  static final class WithEdu implements MachineDescription {
    @Override
    public void describe(Machine machine) {
      machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci");
    }
  }

  /** Tests for the tests below, which are not to be found by anybody else. */
  @Tag("inner")
  static class Fixtures {
    static final AtomicInteger RUNS = new AtomicInteger();

    /** So that the garbage collector does not tell of them as well. */
    static final List<Object> KEPT = new CopyOnWriteArrayList<>();

    @RegisterExtension final FakeVfio vfio = FakeVfio.with(new WithEdu());

    private FakeKernel before;

    @BeforeEach
    void setUp(FakeKernel kernel) {
      before = kernel;
    }

    @AfterEach
    void tearDown(Kernel kernel) {
      assertThat(kernel).isSameAs(before);
    }

    @Test
    void theKernelIsTheSame(Kernel kernel, FakeKernel same) {
      assertThat(kernel).isSameAs(same).isSameAs(before);
      assertThat(kernel.open("/dev/iommu", Linux.O_RDWR)).isEqualTo(3);
      kernel.close(3);
    }

    @Test
    void leaksADescriptor(Kernel kernel) {
      assertThat(kernel.open("/dev/iommu", Linux.O_RDWR)).isEqualTo(3);
    }

    @Test
    @SuppressWarnings("resource")
    void leaksAnAddressSpace(Kernel kernel) {
      Ioas ioas = Iommufd.open(kernel).allocateIoas();
      KEPT.add(ioas.allocate(4096));
    }

    @Test
    @SuppressWarnings("resource")
    void losesAnIommufd(Kernel kernel) {
      Iommufd.open(kernel);
      long giveUp = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      while (!kernel.readLink("/proc/self/fd/3").orElse("").isEmpty()
          && System.nanoTime() < giveUp) {
        System.gc();
        Thread.onSpinWait();
      }
    }

    @Test
    void leaksAndFails(Kernel kernel) {
      assertThat(kernel.eventfd(0, 0)).isEqualTo(-1);
    }

    @VfioModeTest
    void inEveryMode(Kernel kernel, VfioMode mode) {
      AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)).close();
    }

    @VfioModeTest
    @FailEveryCall
    void survives(Kernel kernel, VfioMode mode) {
      RUNS.incrementAndGet();
      AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)).close();
    }

    @Test
    @FailEveryCall
    void theFakeIsThatOfTheAttempt(Kernel kernel, FakeKernel fake) {
      assertThat(fake).isNotSameAs(before);
      Iommufd iommufd = Iommufd.open(kernel);
      assertThat(fake.held()).hasSize(1);
      iommufd.close();
      assertThat(fake.held()).isEmpty();
    }

    @Test
    @FailEveryCall(errnos = {"EIO", "ENOMEM"})
    void doesNotSurvive(Kernel kernel) {
      int fd = kernel.open("/dev/iommu", Linux.O_RDWR);
      if (kernel.dup(fd) >= 0) {
        kernel.close(fd + 1);
        kernel.close(fd);
      }
    }
  }

  @Tag("inner")
  @OnFakeKernel(machine = WithEdu.class, version = KernelVersion.LINUX_6_1)
  static class Annotated {
    @VfioModeTest
    void inTheModesThatItHas(Kernel kernel, VfioMode mode) {
      AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)).close();
    }

    @Test
    @OnFakeKernel(machine = WithEdu.class)
    void theMethodComesFirst(Kernel kernel) {
      Iommufd.open(kernel).close();
    }
  }

  @Tag("inner")
  static class Many {
    private static final int TESTS = 200;

    @RegisterExtension final FakeVfio vfio = FakeVfio.with(new WithEdu());

    @RepeatedTest(TESTS)
    void opens(Kernel kernel) {
      AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of(ADDRESS)).close();
    }
  }

  private static Map<String, TestExecutionResult> run(Class<?> fixtures, boolean parallel) {
    LauncherDiscoveryRequest wanted =
        request()
            .selectors(selectClass(fixtures))
            .configurationParameter("junit.jupiter.execution.parallel.enabled", parallel + "")
            .configurationParameter("junit.jupiter.execution.parallel.mode.default", "concurrent")
            .build();
    Map<String, TestExecutionResult> results = new TreeMap<>();
    LauncherFactory.create()
        .execute(
            wanted,
            new TestExecutionListener() {
              @Override
              public synchronized void executionFinished(
                  TestIdentifier test, TestExecutionResult result) {
                if (test.isTest()) {
                  results.put(test.getDisplayName(), result);
                }
              }
            });
    return results;
  }

  private static List<String> passed(Map<String, TestExecutionResult> results) {
    List<String> passed = new ArrayList<>();
    results.forEach(
        (name, result) -> {
          if (result.getStatus() == TestExecutionResult.Status.SUCCESSFUL) {
            passed.add(name);
          }
        });
    return passed;
  }

  private static Throwable failure(Map<String, TestExecutionResult> results, String name) {
    return results.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(name))
        .findFirst()
        .flatMap(entry -> entry.getValue().getThrowable())
        .orElseThrow();
  }

  @Test
  void leaksFailATest() {
    Fixtures.RUNS.set(0);
    Map<String, TestExecutionResult> results = run(Fixtures.class, false);
    assertThat(passed(results))
        .containsExactly(
            "bridge_type1",
            "bridge_type1v2",
            "iommufd",
            "iommufd_compat_type1",
            "iommufd_compat_type1v2",
            "theFakeIsThatOfTheAttempt(Kernel, FakeKernel)",
            "theKernelIsTheSame(Kernel, FakeKernel)",
            "vfio_type1_iommu",
            "vfio_type1v2_iommu");
    assertThat(Fixtures.RUNS.get()).isGreaterThan(50);

    Throwable descriptor = failure(results, "leaksADescriptor");
    assertThat(descriptor)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("DESCRIPTOR: fd 3, /dev/iommu, from")
        .hasMessageContaining("FakeVfioTest$Fixtures.leaksADescriptor(FakeVfioTest.java:");
    assertThat(descriptor.getSuppressed()).hasSize(1);
    assertThat(failure(results, "leaksAnAddressSpace"))
        .hasMessageContaining("DESCRIPTOR: fd 3, /dev/iommu")
        .hasMessageContaining("MAPPING: anonymous memory, 4 KiB")
        .hasMessageContaining("OBJECT: Ioas 1");
    assertThat(failure(results, "losesAnIommufd"))
        .hasMessageContaining(
            "DESCRIPTOR: fd 3, /dev/iommu, lost and found by the garbage collector")
        .hasMessageContaining("FakeVfioTest$Fixtures.losesAnIommufd(FakeVfioTest.java:");
    Throwable failed = failure(results, "leaksAndFails");
    assertThat(failed).hasMessageContaining("-1");
    assertThat(failed.getSuppressed()).isEmpty();
    assertThat(failure(results, "doesNotSurvive"))
        .hasMessageContaining("with [dup] failing (call 2: EIO): it left DESCRIPTOR: fd 3");
  }

  /**
   * Once warm; the rest of what JUnit does for a test included. By the time on a processor, which
   * does not depend on what else the machine does.
   */
  @Test
  void startsWithinMilliseconds() {
    double millis = 0;
    for (int round = 0; round < 3; round++) {
      long start = THREADS.getCurrentThreadCpuTime();
      assertThat(passed(run(Many.class, false))).hasSize(Many.TESTS);
      millis = (THREADS.getCurrentThreadCpuTime() - start) / 1e6 / Many.TESTS;
    }
    System.out.printf("a test with a fresh topology takes %.2f ms%n", millis);
    assertThat(millis).isLessThan(5);
  }

  @Test
  void testsMayRunInParallel() {
    for (int round = 0; round < 3; round++) {
      assertThat(passed(run(Fixtures.class, true))).hasSize(9);
    }
  }

  @Test
  void byAnnotation() {
    assertThat(passed(run(Annotated.class, false)))
        .containsExactly("theMethodComesFirst(Kernel)", "vfio_type1_iommu", "vfio_type1v2_iommu");
  }
}
