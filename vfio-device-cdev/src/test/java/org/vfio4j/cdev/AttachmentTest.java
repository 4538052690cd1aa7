// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.PciAddress;

class AttachmentTest {
  private static final int ATTACH = VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT;
  private static final int DETACH = VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT;
  private static final String CLOSE_NODE = "close " + StubCdev.NODE;
  private static final String DESTROY_FIRST = "destroy 5";
  private static final String DESTROY_SECOND = "destroy 6";

  private final StubCdev stub = new StubCdev();
  private final Iommufd iommufd = Iommufd.open(stub.kernel);
  private final Ioas first = iommufd.allocateIoas();
  private final Ioas second = iommufd.allocateIoas();
  private final BoundDevice device =
      VfioCdev.find(stub.kernel, PciAddress.of(StubCdev.EDU))
          .open()
          .bind(iommufd, DeviceCookie.of(7));

  @AfterEach
  void nothingStaysOpen() {
    device.close();
    first.close();
    second.close();
    iommufd.close();
    assertThat(stub.open).isEmpty();
    assertThat(stub.ends).containsOnlyOnce(CLOSE_NODE, DESTROY_FIRST, DESTROY_SECOND);
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  private void sent(int request, int... words) {
    ByteBuffer bytes =
        ByteBuffer.allocate(words.length * Integer.BYTES).order(ByteOrder.nativeOrder());
    for (int word : words) {
      bytes.putInt(word);
    }
    assertThat(stub.last().request()).isEqualTo(request);
    assertThat(stub.last().bytes().array()).containsExactly(bytes.array());
  }

  @Test
  void callsAreEncodedAsTheHeaderHasThem() {
    assertThat(ATTACH).isEqualTo(0x3b77);
    assertThat(DETACH).isEqualTo(0x3b78);
    Attachment attachment = device.attach(first);
    sent(ATTACH, 16, 0, 5, 0);
    assertThat(attachment.ptId()).isEqualTo(new HwptId(40));
    assertThat(attachment.pageTable()).isSameAs(first);
    attachment = attachment.replace(second);
    sent(ATTACH, 16, 0, 6, 0);
    attachment.detach();
    sent(DETACH, 12, 0, 0);
  }

  @Test
  void aMediatedDeviceIsAttachedToTheAddressSpaceItself() {
    stub.hwpt = 0;
    assertThat(device.attach(first).ptId()).isEqualTo(first.id());
  }

  @Test
  void oneAttachmentAtATime() {
    Attachment attachment = device.attach(first);
    VfioException e = failure(() -> device.attach(second));
    assertThat(e.reason()).isEqualTo(Reason.WRONG_STATE);
    assertThat(e.fact()).contains("IOAS 5");
    assertThat(stub.calls).hasSize(2);
    assertThat(attachment.isCurrent()).isTrue();
    assertThat(attachment).hasToString(StubCdev.EDU + " attached to " + first);
  }

  @Test
  void whatHasEndedDoesNothing() {
    Attachment old = device.attach(first);
    Attachment replaced = old.replace(second);
    assertThat(old.isCurrent()).isFalse();
    assertThat(old.toString()).endsWith("(ended)");
    int calls = stub.calls.size();
    assertThat(failure(old::detach).reason()).isEqualTo(Reason.WRONG_STATE);
    assertThat(failure(() -> old.replace(first)).hint()).contains("last attach");
    assertThat(stub.calls).hasSize(calls);
    replaced.detach();
    assertThat(failure(replaced::detach).reason()).isEqualTo(Reason.WRONG_STATE);
    // Detached is as never attached.
    Attachment again = device.attach(first);
    assertThat(replaced.isCurrent()).isFalse();
    assertThat(again.isCurrent()).isTrue();
  }

  @Test
  void aFailedReplaceKeepsTheOldAttachment() {
    Attachment attachment = device.attach(first);
    stub.errors.put(ATTACH, Errno.EINVAL);
    assertThat(failure(() -> attachment.replace(second)).errno()).contains(Errno.EINVAL);
    stub.errors.clear();
    assertThat(attachment.isCurrent()).isTrue();
    second.close();
    assertThat(stub.ends).containsExactly(DESTROY_SECOND);
    first.close();
    assertThat(stub.ends).containsExactly(DESTROY_SECOND);
    attachment.detach();
    assertThat(stub.ends).containsExactly(DESTROY_SECOND, DESTROY_FIRST);
  }

  @Test
  void aFailedAttachHoldsNothing() {
    stub.errors.put(ATTACH, Errno.ENOMEM);
    assertThat(failure(() -> device.attach(first)).reason()).isEqualTo(Reason.LIMIT);
    first.close();
    assertThat(stub.ends).containsExactly(DESTROY_FIRST);
    stub.errors.clear();
    assertThat(device.attach(second).isCurrent()).isTrue();
  }

  @Test
  void aFailedDetachKeepsTheAttachment() {
    Attachment attachment = device.attach(first);
    stub.errors.put(DETACH, Errno.ENODEV);
    VfioException e = failure(attachment::detach);
    assertThat(e.operation()).isEqualTo("VFIO_DEVICE_DETACH_IOMMUFD_PT");
    assertThat(e.fact()).contains("stays attached to IOAS 5");
    assertThat(attachment.isCurrent()).isTrue();
    first.close();
    assertThat(stub.ends).isEmpty();
  }

  @Test
  void theAddressSpaceStaysUntilTheDeviceLeavesIt() {
    Attachment attachment = device.attach(first);
    first.close();
    assertThat(stub.ends).isEmpty();
    attachment.replace(second);
    assertThat(stub.ends).containsExactly(DESTROY_FIRST);
    second.close();
    assertThat(stub.ends).containsExactly(DESTROY_FIRST);
    device.close();
    assertThat(stub.ends).containsExactly(DESTROY_FIRST, CLOSE_NODE, DESTROY_SECOND);
  }

  @Test
  void replacingAPageTableByItself() {
    Attachment attachment = device.attach(first).replace(first);
    first.close();
    assertThat(stub.ends).isEmpty();
    attachment.detach();
    assertThat(stub.ends).containsExactly(DESTROY_FIRST);
  }

  @Test
  void anotherIommufd() {
    try (Iommufd other = Iommufd.open(stub.kernel);
        Ioas foreign = other.allocateIoas()) {
      int calls = stub.calls.size();
      VfioException e = failure(() -> device.attach(foreign));
      assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
      assertThat(e.fact()).contains("another iommufd");
      Attachment attachment = device.attach(first);
      assertThat(failure(() -> attachment.replace(foreign)).reason())
          .isEqualTo(Reason.INVALID_ARGUMENT);
      assertThat(attachment.isCurrent()).isTrue();
      assertThat(stub.calls).hasSize(calls + 1);
    }
  }

  @Test
  void whatIsClosedIsNotAttached() {
    first.close();
    assertThat(failure(() -> device.attach(first)).reason()).isEqualTo(Reason.CLOSED);
    Attachment attachment = device.attach(second);
    device.close();
    assertThat(attachment.isCurrent()).isFalse();
    assertThat(failure(attachment::detach).reason()).isEqualTo(Reason.WRONG_STATE);
    assertThat(failure(() -> device.attach(second)).reason()).isEqualTo(Reason.CLOSED);
  }

  @Test
  void closesDuringTheAttachLoseNothing() {
    stub.meanwhile =
        () -> {
          device.close();
          first.close();
          assertThat(stub.ends).isEmpty();
        };
    Attachment attachment = device.attach(first);
    assertThat(attachment.isCurrent()).isFalse();
    assertThat(stub.ends).containsExactly(CLOSE_NODE, DESTROY_FIRST);
  }

  @Test
  void aCloseDuringTheDetachLosesNothing() {
    Attachment attachment = device.attach(first);
    first.close();
    stub.meanwhile = device::close;
    attachment.detach();
    assertThat(stub.ends).containsExactly(CLOSE_NODE, DESTROY_FIRST);
  }

  @ParameterizedTest
  @CsvSource({
    "EINVAL,INVALID_ARGUMENT,attached elsewhere,one address space",
    "EADDRINUSE,OVERLAP,reserved range,allowedIovas",
    "ENOMEM,LIMIT,RLIMIT_MEMLOCK,ulimit -l",
    "EFAULT,INVALID_ARGUMENT,no longer mapped,unmap",
    "ENOENT,NO_SUCH_DEVICE,does not exist any more,Ioas",
    "EBUSY,IN_USE,in reset,try again",
    "EIO,OTHER,'',''"
  })
  void errnosOfAttach(Errno errno, Reason reason, String fact, String hint) {
    stub.errors.put(ATTACH, errno);
    VfioException e = failure(() -> device.attach(first));
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    assertThat(e.operation()).isEqualTo("VFIO_DEVICE_ATTACH_IOMMUFD_PT");
    assertThat(e.object()).isEqualTo("of " + StubCdev.EDU + " to " + first);
    assertThat(e.fact()).contains(fact);
    assertThat(e.hint()).contains(hint);
  }
}
