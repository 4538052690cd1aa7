// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.dma.PageSize;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.IoasId;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.RlimitMode;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/** What an iommufd has and a container has not. */
@Tag("lab")
class IoasTest {
  private static final long IOVA = 0x10_0000;

  @Test
  void withoutADeviceEverythingIsAllowedAndNothingIsReserved() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      assertThat(ioas.allowedIovas()).containsExactly(IovaRange.ALL);
      assertThat(ioas.reservedIovas()).isEmpty();
      assertThat(ioas.iovaAlignment()).isEqualTo(1);
      try (BoundDevice edu = bind(iommufd)) {
        edu.attach(ioas);
        assertThat(ioas.reservedIovas())
            .containsExactly(
                new IovaRange(0xfee0_0000L, 0xfeef_ffffL), new IovaRange(1L << 39, -1));
        assertThat(ioas.iovaAlignment()).isEqualTo(PAGE);
      }
      assertThat(ioas.reservedIovas()).isEmpty();
    }
  }

  @Test
  void allowedIovasSteerTheChoice() {
    MappedMemory memory = Memory.pages(4);
    long va = memory.address();
    IovaRange window = new IovaRange(0x700_0000L, 0x700_1fffL);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bind(iommufd)) {
      edu.attach(ioas);
      ioas.allowIovas(List.of(window));
      assertThat(ioas.map(va, PAGE, DmaAccess.READ)).isEqualTo(window.start());
      assertThat(ioas.map(va, PAGE, DmaAccess.READ)).isEqualTo(window.start() + PAGE);
      assertThat(
              Refusal.of(Reason.LIMIT, Errno.ENOSPC, () -> ioas.map(va, PAGE, DmaAccess.READ))
                  .fact())
          .contains("no free range");
      ioas.map(va, PAGE, IOVA, DmaAccess.READ);
      VfioException reserved =
          Refusal.of(
              Reason.OVERLAP,
              Errno.EADDRINUSE,
              () -> ioas.allowIovas(List.of(new IovaRange(0xfee0_0000L, 0xfee0_0fffL))));
      assertThat(reserved.fact()).contains("a reserved one", "0x0-0xfedfffff");
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.EINVAL,
          () -> ioas.allowIovas(List.of(window, new IovaRange(0x700_1000L, 0x700_2fffL))));
      ioas.allowIovas(List.of());
      assertThat(ioas.map(va, PAGE, DmaAccess.READ)).isLessThan(window.start());
    }
  }

  @Test
  void copiesShareTheMemory() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas source = iommufd.allocateIoas();
        Ioas target = iommufd.allocateIoas();
        DmaBuffer buffer =
            DmaBuffer.allocateAt(source, IOVA, 4 * PAGE, PageSize.NORMAL, DmaAccess.READ_WRITE);
        BoundDevice edu = bind(iommufd)) {
      edu.attach(target);
      try (DmaProbe probe = new DmaProbe(edu, target)) {
        // Two pages of the middle.
        target.copy(source, IOVA + PAGE, 2 * PAGE, 2 * IOVA, DmaAccess.READ_WRITE);
        assertThat(probe.writes(2 * IOVA + PAGE, buffer.memory(), 2 * PAGE)).isTrue();
        assertThat(probe.writes(2 * IOVA + 2 * PAGE, buffer.memory(), 3 * PAGE)).isFalse();
        long chosen = target.copy(source, IOVA, PAGE, DmaAccess.READ);
        assertThat(probe.writes(chosen, buffer.memory(), 0)).isFalse();
        assertThat(probe.reads(chosen, buffer.memory(), 0)).isTrue();

        Refusal.of(
            Reason.NO_SUCH_DEVICE,
            Errno.ENOENT,
            () -> target.copy(source, IOVA + 2 * PAGE, 4 * PAGE, DmaAccess.READ));
        Refusal.of(
            Reason.OVERLAP,
            Errno.EEXIST,
            () -> target.copy(source, IOVA, PAGE, 2 * IOVA, DmaAccess.READ));
        Refusal.of(
            Reason.INVALID_ARGUMENT,
            Errno.EINVAL,
            () -> target.copy(source, IOVA, 0, 3 * IOVA, DmaAccess.READ));
        // The copy stays when the source lets go.
        buffer.close();
        assertThat(target.unmap(2 * IOVA, 2 * PAGE)).isEqualTo(2 * PAGE);
        assertThat(target.unmap(chosen, PAGE)).isEqualTo(PAGE);
      }
    }
  }

  /** It is of the pages that a device has, whatever is at their address by now. */
  @Test
  void aCopyOfMemoryThatTheProcessHasUnmapped() {
    MappedMemory memory = Memory.pages(1);
    memory.fill(0, PAGE, (byte) 42);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas source = iommufd.allocateIoas();
        Ioas target = iommufd.allocateIoas();
        BoundDevice edu = bind(iommufd);
        PagingHwpt pinning = source.hwpt(edu.devId()).allocate()) {
      edu.attach(target);
      source.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      Lab.KERNEL.munmap(memory);
      target.copy(source, IOVA, PAGE, IOVA, DmaAccess.READ_WRITE);
      assertThat(pinning.ioas().unmap(IOVA, PAGE)).isEqualTo(PAGE);
      try (DmaProbe probe = new DmaProbe(edu, target)) {
        assertThat(probe.contents(IOVA)).containsOnly(42);
      }
    }
  }

  @Test
  void aCopyCannotBeWrittenWhereTheMemoryCannot() {
    MappedMemory readOnly = Memory.pages(1, Linux.PROT_READ);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas source = iommufd.allocateIoas();
        Ioas target = iommufd.allocateIoas()) {
      source.map(readOnly.address(), PAGE, IOVA, DmaAccess.READ);
      target.copy(source, IOVA, PAGE, IOVA, DmaAccess.READ);
      VfioException refused =
          Refusal.of(
              Reason.INVALID_ARGUMENT,
              Errno.EPERM,
              () -> target.copy(source, IOVA, PAGE, 2 * IOVA, DmaAccess.READ_WRITE));
      assertThat(refused.fact()).contains("the source is not");
    }
  }

  @Test
  void replaceLeadsTheDeviceToTheOtherSpace() {
    MappedMemory memory = Memory.pages(2);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas first = iommufd.allocateIoas();
        Ioas second = iommufd.allocateIoas();
        BoundDevice edu = bind(iommufd)) {
      first.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      second.map(memory.address() + PAGE, PAGE, IOVA, DmaAccess.READ_WRITE);
      Attachment attachment = edu.attach(first);
      try (DmaProbe probe = new DmaProbe(edu, first)) {
        assertThat(probe.writes(IOVA, memory, 0)).isTrue();
        Refusal.of(Reason.WRONG_STATE, null, () -> edu.attach(second));
        Attachment other = attachment.replace(second);
        assertThat(attachment.isCurrent()).isFalse();
        assertThat(probe.writes(IOVA, memory, 0)).isFalse();
        assertThat(probe.writes(IOVA, memory, PAGE)).isTrue();
        Refusal.of(Reason.WRONG_STATE, null, () -> attachment.replace(first));
        // One that cannot be: what was attached stays.
        Refusal.of(
            Reason.NO_SUCH_DEVICE,
            Errno.ENOENT,
            () -> other.replace(iommufd.borrowIoas(new IoasId(4711))));
        assertThat(other.isCurrent()).isTrue();
        assertThat(probe.writes(IOVA, memory, PAGE)).isTrue();
        other.detach();
        assertThat(probe.writes(IOVA, memory, PAGE)).isFalse();
        edu.attach(first);
        assertThat(probe.writes(IOVA, memory, 0)).isTrue();
      }
    }
  }

  @Test
  void isNotDestroyedWhileADeviceIsAttached() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        DmaBuffer buffer = ioas.allocate(PAGE);
        BoundDevice edu = bind(iommufd)) {
      Attachment attachment = edu.attach(ioas);
      Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(ioas.id().value()));
      Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(edu.devId().value()));
      Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(attachment.ptId().value()));
      Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.destroy(4711));
      try (DmaProbe probe = new DmaProbe(edu, ioas)) {
        assertThat(probe.writes(buffer)).isTrue();
      }
    }
  }

  /** Without a device nothing is pinned: what cannot be shows when one is attached. */
  @Test
  void badMemoryShowsWhenADeviceIsAttached() {
    MappedMemory good = Memory.pages(1);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bind(iommufd)) {
      ioas.map(good.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      ioas.map(Memory.NOWHERE, PAGE, 2 * IOVA, DmaAccess.READ_WRITE);
      Refusal.of(Reason.INVALID_ARGUMENT, Errno.EFAULT, () -> edu.attach(ioas));
      assertThat(ioas.unmap(2 * IOVA, PAGE)).isEqualTo(PAGE);
      // So does an IOVA that the device cannot have.
      ioas.map(good.address(), PAGE, 0xfee0_0000L, DmaAccess.READ_WRITE);
      assertThat(Refusal.of(Reason.OVERLAP, Errno.EADDRINUSE, () -> edu.attach(ioas)).hint())
          .contains("allowedIovas()");
      ioas.unmap(0xfee0_0000L, PAGE);
      edu.attach(ioas);
      try (DmaProbe probe = new DmaProbe(edu, ioas)) {
        assertThat(probe.writes(IOVA, good, 0)).isTrue();
      }
    }
  }

  @Test
  void optionsAreSetInTheirOrder() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      assertThat(iommufd.rlimitMode()).isEqualTo(RlimitMode.PER_USER);
      iommufd.setRlimitMode(RlimitMode.PER_PROCESS);
      assertThat(iommufd.rlimitMode()).isEqualTo(RlimitMode.PER_PROCESS);
      MappedMemory memory = Memory.pages(1);
      try (Ioas ioas = iommufd.allocateIoas();
          BoundDevice edu = bind(iommufd)) {
        assertThat(
                Refusal.of(
                        Reason.IN_USE,
                        Errno.EBUSY,
                        () -> iommufd.setRlimitMode(RlimitMode.PER_USER))
                    .hint())
            .contains("right after opening");
        assertThat(ioas.hugePages()).isTrue();
        ioas.setHugePages(false);
        assertThat(ioas.hugePages()).isFalse();
        ioas.setHugePages(true);
        edu.attach(ioas);
        ioas.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
        Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> ioas.setHugePages(false));
        assertThat(ioas.hugePages()).isTrue();
      }
    }
  }

  @Test
  void objectsAreSharedByIdAndByDescriptor() {
    MappedMemory memory = Memory.pages(1);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        Iommufd same = Iommufd.adopt(Lab.KERNEL, iommufd.duplicateFd())) {
      try (Ioas borrowed = same.borrowIoas(ioas.id())) {
        borrowed.map(memory.address(), PAGE, IOVA, DmaAccess.READ);
        Refusal.of(
            Reason.OVERLAP,
            Errno.EEXIST,
            () -> ioas.map(memory.address(), PAGE, IOVA, DmaAccess.READ));
      }
      // Closing the borrowed one has destroyed nothing.
      assertThat(ioas.unmap(IOVA, PAGE)).isEqualTo(PAGE);
      try (Ioas nobodys = same.borrowIoas(new IoasId(4711))) {
        Refusal.of(
            Reason.NO_SUCH_DEVICE,
            Errno.ENOENT,
            () -> nobodys.map(memory.address(), PAGE, IOVA, DmaAccess.READ));
      }
    }
  }

  /** All 24 orders in which these four can be closed. */
  @Test
  void anyOrderOfClosingWillDo() {
    List<List<String>> orders = permutations(List.of("iommufd", "ioas", "buffer", "device"));
    assertThat(orders).hasSize(24);
    for (List<String> order : orders) {
      Iommufd iommufd = Iommufd.open(Lab.KERNEL);
      Ioas ioas = iommufd.allocateIoas();
      BoundDevice device = bind(iommufd);
      device.attach(ioas);
      DmaBuffer buffer = ioas.allocate(PAGE);
      Map<String, AutoCloseable> closing = new LinkedHashMap<>();
      closing.put("iommufd", iommufd);
      closing.put("ioas", ioas);
      closing.put("buffer", buffer);
      closing.put("device", device);
      for (String name : order) {
        try {
          closing.get(name).close();
        } catch (Exception e) {
          throw new AssertionError(name + " in " + order, e);
        }
      }
      Refusal.of(Reason.CLOSED, null, iommufd::allocateIoas);
      Refusal.of(Reason.CLOSED, null, ioas::unmapAll);
      Refusal.of(Reason.CLOSED, null, device::reset);
      assertThat(buffer.memory().isUnmapped()).as("%s", order).isTrue();
      assertThat(FileHolders.of(Lab.KERNEL, "/dev/iommu")).as("%s", order).isEmpty();
    }
  }

  private static BoundDevice bind(Iommufd iommufd) {
    try (UnboundDevice unbound = VfioCdev.find(Lab.KERNEL, Lab.EDU).open()) {
      return unbound.bind(iommufd, DeviceCookie.of(7));
    }
  }

  private static List<List<String>> permutations(List<String> names) {
    if (names.isEmpty()) {
      return List.of(List.of());
    }
    List<List<String>> all = new ArrayList<>();
    for (String first : names) {
      List<String> others = new ArrayList<>(names);
      others.remove(first);
      for (List<String> rest : permutations(others)) {
        List<String> order = new ArrayList<>(List.of(first));
        order.addAll(rest);
        all.add(order);
      }
    }
    return all;
  }
}
