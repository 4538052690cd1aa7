// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.lab.LabKernels;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/** The differential itself, on two fakes, of which one answers wrongly. */
@Tag("random")
class DifferentialTest {
  private static final int CALLS = 300;

  private static Kernel fake() {
    return FakeKernel.of(KernelVersion.LINUX_6_12, LabKernels::standard);
  }

  @ParameterizedTest
  @MethodSource("org.vfio4j.lab.fidelity.Domains#standard")
  void findsNothingBetweenTwoOfTheSame(Domain domain) {
    for (int seed = 0; seed < 20; seed++) {
      Differential same = new Differential(domain, fake(), DifferentialTest::fake);
      assertThat(same.run(seed, CALLS)).isEmpty();
    }
  }

  /** One that answers as {@code wrong} where that gives anything but null. */
  private static Kernel altered(Kernel kernel, Answer wrong) {
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          Object right = method.invoke(kernel, arguments);
          boolean ioctl = method.getName().equals("ioctl") && arguments[2] instanceof NativeBlock;
          return ioctl
              ? (Object) wrong.to((int) arguments[1], (NativeBlock) arguments[2], ((Integer) right))
              : right;
        };
    Class<?>[] port = {Kernel.class};
    return (Kernel) Proxy.newProxyInstance(Kernel.class.getClassLoader(), port, handler);
  }

  private interface Answer {
    int to(int request, NativeBlock argument, int right);
  }

  private static Difference firstDifference(Answer wrong) {
    Differential differential =
        new Differential(Domains.IOMMUFD, fake(), () -> altered(fake(), wrong));
    for (int seed = 0; seed < 50; seed++) {
      Optional<Difference> difference = differential.run(seed, CALLS);
      if (difference.isPresent()) {
        return difference.get();
      }
    }
    throw new AssertionError("no difference found");
  }

  @Test
  void findsAWrongErrnoAndShrinksTheWayToIt() {
    Difference difference =
        firstDifference(
            (request, argument, right) ->
                request == IommufdUapi.IOMMU_IOAS_COPY && Errno.EEXIST.is(right)
                    ? Errno.EBUSY.result()
                    : right);
    assertThat(difference.what()).isEqualTo("real kernel: -1 EEXIST, fake: -1 EBUSY");
    // open, IOAS_ALLOC, IOAS_MAP, IOAS_COPY; or one more of each of the last ones
    assertThat(difference.calls()).hasSizeLessThanOrEqualTo(6);
    assertThat(difference.toString()).contains("open(/dev/iommu", "IOMMU_IOAS_COPY");
  }

  @Test
  void findsAFieldThatIsNotWritten() {
    Difference difference =
        firstDifference(
            (request, argument, right) -> {
              if (request == IommufdUapi.IOMMU_IOAS_UNMAP && right == 0) {
                argument.putLong(IommuIoasUnmap.LENGTH, 0);
              }
              return right;
            });
    assertThat(difference.what()).startsWith("length: real kernel: ").endsWith(", fake: 0");
    assertThat(difference.calls()).hasSizeLessThanOrEqualTo(4);
  }

  @Test
  void theSameSeedGivesTheSameCalls() {
    Answer refused =
        (request, argument, right) ->
            request == IommufdUapi.IOMMU_OPTION ? Errno.EIO.result() : right;
    assertThat(firstDifference(refused)).hasToString(firstDifference(refused).toString());
  }
}
