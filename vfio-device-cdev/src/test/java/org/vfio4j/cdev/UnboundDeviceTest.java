// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.VfToken;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.PciAddress;

class UnboundDeviceTest {
  private static final String CLOSE_NODE = "close " + StubCdev.NODE;
  private static final String CLOSE_IOMMU = "close /dev/iommu";
  private static final DeviceCookie COOKIE = DeviceCookie.of(7);

  private final StubCdev stub = new StubCdev();
  private final Iommufd iommufd = Iommufd.open(stub.kernel);
  private final UnboundDevice unbound =
      VfioCdev.find(stub.kernel, PciAddress.of(StubCdev.EDU)).open();

  @AfterEach
  void nothingStaysOpen() {
    unbound.close();
    iommufd.close();
    assertThat(stub.open).isEmpty();
    assertThat(stub.ends).containsOnlyOnce(CLOSE_NODE, CLOSE_IOMMU);
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  private BoundDevice bind() {
    return unbound.bind(iommufd, COOKIE);
  }

  @Test
  void bindIsEncodedAsTheHeaderHasIt() {
    try (BoundDevice bound = bind()) {
      assertThat(stub.last().request())
          .isEqualTo(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD)
          .isEqualTo(0x3b76);
      // What is behind the size that is told is for the token.
      byte[] expected =
          ByteBuffer.allocate(24)
              .order(ByteOrder.nativeOrder())
              .putInt(16)
              .putInt(0)
              .putInt(iommufd.fd())
              .putInt(0)
              .array();
      assertThat(stub.last().bytes().array()).containsExactly(expected);
      assertThat(bound.devId()).isEqualTo(new DevId(9));
      assertThat(bound.cookie()).isEqualTo(COOKIE);
      assertThat(bound.iommufd()).isSameAs(iommufd);
      assertThat(bound).hasToString(StubCdev.EDU);
    }
  }

  @Test
  void bindWithTheTokenOfAPhysicalFunction() {
    VfToken token = VfToken.of("bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3");
    try (BoundDevice bound = unbound.bind(iommufd, COOKIE, token)) {
      ByteBuffer bytes = stub.last().bytes().order(ByteOrder.nativeOrder());
      assertThat(bytes.getInt(0)).as("argsz").isEqualTo(24);
      assertThat(bytes.getInt(4)).as("flags").isEqualTo(1);
      assertThat(bytes.getInt(8)).as("iommufd").isEqualTo(iommufd.fd());
      assertThat(bytes.getLong(16)).as("token_uuid_ptr").isNotZero();
      assertThat(bound.cookie()).isEqualTo(COOKIE);
    }
    assertThat(token.bytes()).startsWith(0xbd, 0x8d, 0x9d, 0x2b).endsWith(0xa1, 0xf3);
    assertThat(token.toString()).doesNotContain("bd8d");
  }

  @Test
  void tokensThatAreRefused() {
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, Errno.EACCES);
    VfioException wrong = failure(this::bind);
    assertThat(wrong.reason()).isEqualTo(Reason.NO_PERMISSION);
    assertThat(wrong.hint()).contains("token");
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, Errno.EINVAL);
    VfioException notTaken = failure(() -> unbound.bind(iommufd, COOKIE, VfToken.random()));
    assertThat(notTaken.reason()).isEqualTo(Reason.NOT_SUPPORTED);
    assertThat(notTaken.hint()).contains("Linux 6.17");
  }

  @Test
  void theFileIsHandedOver() {
    BoundDevice bound = bind();
    assertThat(unbound.isClosed()).isTrue();
    unbound.close();
    assertThat(stub.ends).isEmpty();
    iommufd.close();
    assertThat(stub.ends).isEmpty();
    bound.close();
    bound.close();
    assertThat(stub.ends).containsExactly(CLOSE_NODE, CLOSE_IOMMU);
  }

  @Test
  void aSecondBindIsRefusedBeforeTheKernel() {
    try (BoundDevice bound = bind()) {
      VfioException e = failure(this::bind);
      assertThat(e.reason()).isEqualTo(Reason.WRONG_STATE);
      assertThat(e.fact()).contains("bound before");
      assertThat(e.hint()).contains("BoundDevice");
      assertThat(stub.calls).hasSize(1);
      assertThat(bound.isClosed()).isFalse();
    }
  }

  @Test
  void twoBindsAtOnceNeverUseADescriptorThatIsGivenAway() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CompletableFuture<VfioException> second = new CompletableFuture<>();
    Thread other =
        new Thread(
            () -> {
              inside.countDown();
              second.complete(failure(this::bind));
            });
    stub.meanwhile =
        () -> {
          other.start();
          try {
            inside.await();
            // Long enough for the other thread to be in bind().
            Thread.sleep(50);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        };
    bind().close();
    assertThat(second.get(10, TimeUnit.SECONDS).reason()).isEqualTo(Reason.WRONG_STATE);
    assertThat(stub.calls).hasSize(1);
  }

  @Test
  void afterAFailureItMayBeTriedAgain() {
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, Errno.EBUSY);
    assertThat(failure(this::bind).reason()).isEqualTo(Reason.IN_USE);
    assertThat(stub.ends).isEmpty();
    stub.errors.clear();
    bind().close();
  }

  @Test
  void aCloseDuringTheBindTakesNothingAway() {
    stub.meanwhile = unbound::close;
    BoundDevice bound = bind();
    assertThat(stub.ends).isEmpty();
    bound.close();
    assertThat(stub.ends).containsExactly(CLOSE_NODE);
  }

  @Test
  void aCloseDuringAFailingBindCloses() {
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, Errno.EINVAL);
    stub.meanwhile = unbound::close;
    assertThat(failure(this::bind).errno()).contains(Errno.EINVAL);
    assertThat(stub.ends).containsExactly(CLOSE_NODE);
  }

  @Test
  void theIommufdIsClosedDuringTheBind() {
    stub.meanwhile = iommufd::close;
    VfioException e = failure(this::bind);
    assertThat(e.reason()).isEqualTo(Reason.CLOSED);
    assertThat(stub.ends).containsExactly(CLOSE_NODE, CLOSE_IOMMU);
    assertThat(unbound.isClosed()).isTrue();
  }

  @Test
  void whatIsClosedIsNotBound() {
    iommufd.close();
    assertThat(failure(this::bind).object()).contains("/dev/iommu");
    unbound.close();
    assertThat(failure(this::bind).reason()).isEqualTo(Reason.CLOSED);
    assertThat(stub.calls).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "EPERM,NOT_VIABLE,0000:00:1f.2 (driver ahci,bind all of them",
    "EBUSY,IN_USE,/dev/vfio/5 is held by process 812 (qemu),stop the other user",
    "EINVAL,WRONG_STATE,the device is bound already,close the other file",
    "ENODEV,NO_IOMMU,no IOMMU is in front,switch the IOMMU on",
    "EBADF,INVALID_ARGUMENT,no open file of /dev/iommu,open of /dev/iommu",
    "EBADFD,INVALID_ARGUMENT,no open file of /dev/iommu,open of /dev/iommu",
    "ENOTTY,NOT_IN_KERNEL,not a device node,Linux 6.6",
    "EIO,OTHER,'',''"
  })
  void errnosOfBind(Errno errno, Reason reason, String fact, String hint) {
    stub.holder("812", "qemu", "/dev/vfio/5");
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, errno);
    VfioException e = failure(this::bind);
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    assertThat(e.operation()).isEqualTo("VFIO_DEVICE_BIND_IOMMUFD");
    assertThat(e.object()).isEqualTo("of " + StubCdev.EDU);
    assertThat(e.fact()).contains(fact);
    assertThat(e.hint()).contains(hint);
  }

  @Test
  void whoHoldsANodeThatIsBoundAlready() {
    stub.holder("812", "qemu", StubCdev.NODE);
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, Errno.EINVAL);
    assertThat(failure(this::bind).fact())
        .contains(StubCdev.NODE + " is held by process 812 (qemu)");
  }

  @ParameterizedTest
  @CsvSource({"EPERM,NOT_VIABLE", "EBUSY,IN_USE", "EINVAL,WRONG_STATE"})
  void evidenceThatCannotBeHadHidesNothing(Errno errno, Reason reason) {
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, errno);
    stub.folders.clear();
    stub.links.put(StubCdev.FOLDER + "/iommu_group", "no number");
    assertThat(failure(this::bind).reason()).isEqualTo(reason);
  }

  @ParameterizedTest
  @CsvSource({"EPERM,NOT_VIABLE", "EBUSY,IN_USE", "EINVAL,WRONG_STATE"})
  void anAdoptedFileHasNoEvidence(Errno errno, Reason reason) {
    stub.errors.put(VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, errno);
    int fd = stub.kernel.open("/dev/elsewhere", 2);
    try (UnboundDevice adopted = UnboundDevice.adopt(stub.kernel, fd, "mine")) {
      VfioException e = failure(() -> adopted.bind(iommufd, COOKIE));
      assertThat(e.reason()).isEqualTo(reason);
      assertThat(e.object()).isEqualTo("of mine");
      assertThat(e.fact()).doesNotContain("null");
    }
    assertThat(stub.ends).isEqualTo(List.of("close /dev/elsewhere"));
  }
}
