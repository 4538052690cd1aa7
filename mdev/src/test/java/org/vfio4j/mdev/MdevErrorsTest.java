// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.endsWith;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.mock;

import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mockito.AdditionalAnswers;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;

/** Every refusal of sysfs, as a reason. */
class MdevErrorsTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");

  @TempDir private Path folder;
  private SysTreeOnDisk tree;
  private Kernel kernel;
  private MdevBus bus;

  @BeforeEach
  void make() {
    tree = new SysTreeOnDisk(folder);
    kernel = mock(Kernel.class, AdditionalAnswers.delegatesTo(tree.kernel()));
    bus = MdevBus.of(kernel);
  }

  private void refuse(String file, Errno errno) {
    doReturn(errno.result()).when(kernel).writeFile(endsWith(file), any());
  }

  @ParameterizedTest
  @CsvSource({
    "EEXIST, ALREADY_EXISTS, the UUID is taken",
    "EUSERS, LIMIT, another creator was faster: 24 instances",
    "ENOSPC, LIMIT, another creator was faster: 24 instances",
    "ENODEV, NO_SUCH_DEVICE, mtty is being taken from its driver",
    "ENOENT, NO_SUCH_DEVICE, mtty has no type mtty-1",
    "EAGAIN, WRONG_STATE, the driver waits",
    "ENOMEM, LIMIT, out of memory",
    "EACCES, NO_PERMISSION, does not let it",
    "EPERM, NO_PERMISSION, does not let it",
    "EROFS, NO_PERMISSION, read-only",
    "EINVAL, REFUSED, the driver of mtty does not make the device",
    "EIO, REFUSED, the driver of mtty does not make the device",
  })
  void create(Errno errno, Reason reason, String fact) {
    refuse("/create", errno);
    VfioException refusal =
        catchThrowableOfType(
            VfioException.class, () -> bus.parent("mtty").type("mtty-1").create(ID));
    assertThat(refusal.reason()).isEqualTo(reason);
    assertThat(refusal.errno()).contains(errno);
    assertThat(refusal.fact()).contains(fact);
    assertThat(refusal).hasMessageContaining(ID.toString());
  }

  @Test
  void whoHasTheUuid() {
    refuse("/create", Errno.EEXIST);
    MdevType type = bus.parent("mtty").type("mtty-1");
    tree.folder(SysTreeOnDisk.PARENT + "/" + ID);
    assertThat(catchThrowableOfType(VfioException.class, () -> type.create(ID)).fact())
        .contains("a device of mtty has it, which is not gone yet");
    tree.device(ID.toString());
    assertThat(catchThrowableOfType(VfioException.class, () -> type.create(ID)).fact())
        .contains("it is that of a mtty-1 of mtty");
  }

  @Test
  void noneLeft() {
    tree.file(SysTreeOnDisk.TYPE + "/available_instances", "0\n");
    refuse("/create", Errno.ENOSPC);
    MdevType type = bus.parent("mtty").type("mtty-1");
    VfioException refusal = catchThrowableOfType(VfioException.class, () -> type.create(ID));
    assertThat(refusal.reason()).isEqualTo(Reason.LIMIT);
    assertThat(refusal.fact()).isEqualTo("no instance of the type is left");
    assertThat(type.tryCreate(ID)).isEmpty();
    refuse("/create", Errno.EEXIST);
    assertThat(catchThrowableOfType(VfioException.class, () -> type.tryCreate(ID)).reason())
        .isEqualTo(Reason.ALREADY_EXISTS);
  }

  @ParameterizedTest
  @CsvSource({
    "ENOENT, NO_SUCH_DEVICE",
    "ENODEV, NO_SUCH_DEVICE",
    "EAGAIN, WRONG_STATE",
    "EACCES, NO_PERMISSION",
    "EROFS, NO_PERMISSION",
    "EINVAL, OTHER",
  })
  void remove(Errno errno, Reason reason) {
    tree.device(ID.toString());
    refuse("/remove", errno);
    Mdev mdev = bus.device(ID);
    VfioException refusal = catchThrowableOfType(VfioException.class, mdev::remove);
    assertThat(refusal.reason()).isEqualTo(reason);
    assertThat(refusal.errno()).contains(errno);
  }

  @Test
  void removingThatDoesNotEnd() {
    tree.device(ID.toString());
    Mdev mdev = bus.device(ID);
    CountDownLatch closed = new CountDownLatch(1);
    doAnswer(
            call -> {
              closed.await();
              return 1;
            })
        .when(kernel)
        .writeFile(endsWith("/remove"), any());
    VfioException refusal =
        catchThrowableOfType(VfioException.class, () -> mdev.remove(Duration.ofMillis(20)));
    assertThat(refusal.reason()).isEqualTo(Reason.IN_USE);
    assertThat(refusal.fact()).contains("has waited 20 ms");
    Thread.currentThread().interrupt();
    VfioException interrupted = catchThrowableOfType(VfioException.class, mdev::remove);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(interrupted.reason()).isEqualTo(Reason.IN_USE);
    closed.countDown();
    mdev.remove();
  }

  @ParameterizedTest
  @CsvSource({
    "ENOENT, NOT_SUPPORTED",
    "EISDIR, NOT_SUPPORTED",
    "EACCES, NO_PERMISSION",
    "EINVAL, REFUSED",
    "EIO, REFUSED",
  })
  void attribute(Errno errno, Reason reason) {
    tree.device(ID.toString());
    Mdev mdev = bus.device(ID);
    refuse("/vendor/speed", errno);
    doReturn(Result.failed(errno)).when(kernel).readFile(endsWith("/vendor/speed"));
    assertThat(
            catchThrowableOfType(
                    VfioException.class, () -> mdev.setAttribute("vendor/speed", "115200"))
                .reason())
        .isEqualTo(reason);
    assertThat(
            catchThrowableOfType(VfioException.class, () -> mdev.attribute("vendor/speed"))
                .reason())
        .isEqualTo(reason);
  }

  @Test
  void attributesOfADeviceThatIsGone() {
    tree.device(ID.toString());
    Mdev mdev = bus.device(ID);
    doReturn(Result.failed(Errno.ENOENT)).when(kernel).readLink(endsWith("/mdev_type"));
    doReturn(Result.failed(Errno.ENODEV)).when(kernel).readFile(endsWith("/vendor/speed"));
    assertThat(
            catchThrowableOfType(VfioException.class, () -> mdev.attribute("vendor/speed"))
                .reason())
        .isEqualTo(Reason.NO_SUCH_DEVICE);
  }

  @Test
  void whatIsNotThere() {
    assertThat(catchThrowableOfType(VfioException.class, () -> bus.parent("mdpy")).fact())
        .isEqualTo("the parents are mtty");
    MdevParent mtty = bus.parent("mtty");
    assertThat(mtty.busName()).contains("mtty");
    VfioException noType = catchThrowableOfType(VfioException.class, () -> mtty.type("mtty-3"));
    assertThat(noType.reason()).isEqualTo(Reason.NO_SUCH_DEVICE);
    assertThat(noType.fact()).isEqualTo("the types of mtty are mtty-1");
    assertThat(catchThrowableOfType(VfioException.class, () -> bus.device(ID)).reason())
        .isEqualTo(Reason.NO_SUCH_DEVICE);
    MdevBus none = MdevBus.of(Kernel.host(new org.vfio4j.linux.Roots(folder + "/no", "", "")));
    assertThat(none.isThere()).isFalse();
    assertThat(none.parents()).isEmpty();
    assertThat(none.devices()).isEmpty();
    assertThat(catchThrowableOfType(VfioException.class, () -> none.parent("mtty")).reason())
        .isEqualTo(Reason.NOT_IN_KERNEL);
  }
}
