// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.FaultQueue;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.IoasId;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PageFault;
import org.vfio4j.iommufd.PageFaults;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuFaultAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptPageResponse;
import org.vfio4j.iommufd.uapi.IommuHwptPgfault;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PollSet;
import org.vfio4j.memory.NativeBlock;

/** Page faults of devices, and their answers. */
@Tag("lab-noiommu")
class FaultQueueTest {
  private static final int READ = IommufdUapi.IOMMU_PGFAULT_PERM_READ;
  private static final int WRITE = IommufdUapi.IOMMU_PGFAULT_PERM_WRITE;
  private static final int FAULT = IommuHwptPgfault.SIZEOF;

  /** The space, in every scenario. */
  private static final int FIRST_OBJECT = 1;

  private static final long SECOND = 1_000_000_000;

  /** A device that is attached to the page table of a guest, whose faults go to a queue. */
  private interface Scenario {
    void run(MockDevice device, NestedHwpt nested, FaultQueue queue);
  }

  private static void faulting(Scenario scenario) {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice device = MockDevice.attachedTo(ioas);
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
        FaultQueue queue = iommufd.allocateFaultQueue();
        NestedHwpt nested =
            parent.nested(device.devId(), MockDevice.table(0)).faultsTo(queue).allocate()) {
      assertThat(nested.faultQueue()).containsSame(queue);
      device.replace(nested.id());
      scenario.run(device, nested, queue);
      device.replace(ioas.id());
    }
  }

  @Test
  void aFaultIsReadAndAnswered() {
    faulting(
        (device, nested, queue) -> {
          assertThat(queue.read()).isEmpty();
          device.fault(0, 5, READ | WRITE, 0x1234_5000L);
          List<PageFaults> groups = queue.await(SECOND);
          assertThat(groups).hasSize(1);
          PageFaults group = groups.get(0);
          assertThat(group.device()).isEqualTo(device.devId());
          assertThat(group.deviceCookie()).contains(device.cookie());
          assertThat(group.grpid()).isEqualTo(5);
          assertThat(group.faults())
              .containsExactly(new PageFault(0x1234_5000L, 0, READ | WRITE, OptionalInt.empty()));
          assertThat(queue.read()).isEmpty();
          queue.resolve(group);
          // Once only.
          Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> queue.resolve(group));
        });
  }

  @Test
  void severalAreToldInTheirOrder() {
    faulting(
        (device, nested, queue) -> {
          device.fault(0, 1, READ, 0x1000);
          device.fault(0, 2, WRITE, 0x2000);
          device.fault(7, 3, READ, 0x3000);
          List<PageFaults> groups = queue.read();
          assertThat(groups).extracting(PageFaults::grpid).containsExactly(1, 2, 3);
          assertThat(groups).extracting(PageFaults::cookie).containsExactly(1, 2, 3);
          // The guest has the table of PASIDs.
          assertThat(groups.get(2).faults().get(0).pasid()).hasValue(7);
          queue.refuse(groups.get(1));
          device.fault(0, 4, READ, 0x4000);
          // The lowest cookie that is free.
          assertThat(queue.read()).extracting(PageFaults::cookie).containsExactly(2);
          queue.resolve(groups.get(0));
          queue.resolve(groups.get(2));
        });
  }

  /** What the device wanted to do there, as it said it. */
  @Test
  void everyPermissionIsTold() {
    int exec = IommufdUapi.IOMMU_PGFAULT_PERM_EXEC;
    int priv = IommufdUapi.IOMMU_PGFAULT_PERM_PRIV;
    faulting(
        (device, nested, queue) -> {
          device.fault(0, 1, exec | priv, 0x1000);
          PageFaults group = queue.read().get(0);
          PageFault fault = group.faults().get(0);
          assertThat(fault.permissions()).isEqualTo(exec | priv);
          assertThat(fault.isWrite()).isFalse();
          queue.resolve(group);
        });
  }

  @Test
  void detachingAnswersWhatIsOpen() {
    faulting(
        (device, nested, queue) -> {
          device.fault(0, 1, READ, 0x1000);
          PageFaults open = queue.read().get(0);
          device.fault(0, 2, READ, 0x2000);
          device.replace(new IoasId(FIRST_OBJECT));
          assertThat(queue.read()).isEmpty();
          Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> queue.resolve(open));
          // Nobody hears it now.
          device.fault(0, 3, READ, 0x3000);
          assertThat(queue.read()).isEmpty();
          device.replace(nested.id());
          device.fault(0, 4, READ, 0x4000);
          assertThat(queue.read()).extracting(PageFaults::grpid).containsExactly(4);
        });
  }

  @Test
  void theQueueStaysAsLongAsItIsUsed() {
    faulting(
        (device, nested, queue) -> {
          Iommufd iommufd = nested.iommufd();
          Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(queue.id()));
        });
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      FaultQueue queue = iommufd.allocateFaultQueue();
      // Its own file is a user too.
      Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(queue.id()));
      queue.close();
      Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.destroy(queue.id()));
      Refusal.of(Reason.CLOSED, null, queue::read);
    }
  }

  @Test
  void pollTellsOfWhatIsPending() {
    faulting(
        (device, nested, queue) -> {
          assertThat(events(queue)).isEqualTo(Linux.POLLOUT);
          assertThat(queue.await(0)).isEmpty();
          device.fault(0, 1, READ, 0x1000);
          assertThat(events(queue)).isEqualTo(Linux.POLLIN | Linux.POLLOUT);
          queue.resolve(queue.read().get(0));
          assertThat(events(queue)).isEqualTo(Linux.POLLOUT);
        });
  }

  private static int events(FaultQueue queue) {
    PollSet poll = new PollSet(1);
    poll.set(0, queue.fd(), Linux.POLLIN | Linux.POLLOUT);
    poll.poll(Lab.KERNEL, 0);
    return poll.events(0);
  }

  @Test
  void theFileTakesWholeMessagesOnly() {
    faulting(
        (device, nested, queue) -> {
          NativeBlock buffer = new NativeBlock(4 * FAULT);
          int fd = queue.fd();
          assertThat(Lab.KERNEL.read(fd, buffer, FAULT - 1)).isEqualTo(Errno.ESPIPE.result());
          assertThat(Lab.KERNEL.pread(fd, buffer, FAULT, 8)).isEqualTo(Errno.ESPIPE.result());
          assertThat(Lab.KERNEL.read(fd, buffer, 4 * FAULT)).isZero();
          device.fault(0, 1, READ, 0x1000);
          assertThat(Lab.KERNEL.read(fd, buffer, 0)).isIn(0L, (long) Errno.EINVAL.result());
          assertThat(Lab.KERNEL.read(fd, buffer, 4 * FAULT)).isEqualTo(FAULT);
          IommuHwptPageResponse response = new IommuHwptPageResponse().cookie(1).code(2);
          int size = IommuHwptPageResponse.SIZEOF;
          assertThat(Lab.KERNEL.write(fd, response, size)).isEqualTo(Errno.EINVAL.result());
          assertThat(Lab.KERNEL.write(fd, response, size - 1)).isEqualTo(Errno.ESPIPE.result());
          response.cookie(9).code(0);
          assertThat(Lab.KERNEL.write(fd, response, size)).isEqualTo(Errno.EINVAL.result());
          // The first of two is right: that one is done.
          NativeBlock two = new NativeBlock(2 * size);
          two.putInt(0, 1);
          two.putInt(size, 1);
          assertThat(Lab.KERNEL.write(fd, two, 2 * size)).isEqualTo(size);
        });
  }

  @Test
  void malformedArgumentsAreRefused() {
    faulting(
        (device, nested, queue) -> {
          Iommufd iommufd = nested.iommufd();
          IommuFaultAlloc alloc = new IommuFaultAlloc().flags(1);
          assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, alloc))
              .isEqualTo(Errno.EOPNOTSUPP.result());
          alloc.flags(0).size(15);
          assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, alloc))
              .isEqualTo(Errno.EINVAL.result());
        });
  }

  /** A page table over a space has no faults before Linux 6.13. */
  @Test
  void onlyGuestsHaveFaults() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice device = MockDevice.attachedTo(ioas);
        FaultQueue queue = iommufd.allocateFaultQueue()) {
      Refusal.of(
          Reason.NOT_SUPPORTED,
          Errno.EOPNOTSUPP,
          () -> ioas.hwpt(device.devId()).faultsTo(queue).allocate());
    }
  }
}
