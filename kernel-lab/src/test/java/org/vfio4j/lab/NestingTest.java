// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.HwptData;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.Invalidations;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.NativeBlock;

/** Page tables of guests, and what an IOMMU is to forget of them. */
@Tag("lab-noiommu")
class NestingTest {
  private static final int CONTENT = 0xbadbeef;

  /** A page table of a guest, on a parent, for a device that is attached to the space. */
  private interface Scenario {
    void run(MockDevice device, PagingHwpt parent, NestedHwpt nested);
  }

  private static void nested(Scenario scenario) {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice device = MockDevice.attachedTo(ioas);
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
        NestedHwpt nested = parent.nested(device.devId(), MockDevice.table(CONTENT)).allocate()) {
      scenario.run(device, parent, nested);
    }
  }

  @Test
  void aDeviceIsAttachedToTheGuestsTable() {
    nested(
        (device, parent, nested) -> {
          Iommufd iommufd = parent.iommufd();
          assertThat(device.replace(nested.id())).isEqualTo(nested.id().value());
          for (int id :
              new int[] {nested.id().value(), parent.id().value(), parent.ioas().id().value()}) {
            Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(id));
          }
          assertThat(device.replace(parent.id())).isEqualTo(parent.id().value());
          device.replace(parent.ioas().id());
          // The table of the guest still needs its parent.
          Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(parent.id().value()));
        });
  }

  @Test
  void closingTheParentWaitsForTheGuests() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice device = MockDevice.attachedTo(ioas)) {
      PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
      NestedHwpt nested = parent.nested(device.devId(), MockDevice.table(0)).allocate();
      parent.close();
      assertThat(nested.tryInvalidate(MockDevice.entries(0, 1))).isZero();
      nested.close();
      Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.destroy(parent.id().value()));
    }
  }

  @Test
  void whatIsNoParentIsRefused() {
    nested(
        (device, parent, nested) -> {
          Ioas ioas = parent.ioas();
          HwptData table = MockDevice.table(0);
          try (PagingHwpt plain = ioas.hwpt(device.devId()).allocate()) {
            Refusal.of(
                Reason.INVALID_ARGUMENT,
                Errno.EINVAL,
                () -> plain.nested(device.devId(), table).allocate());
          }
          // Another make's data, and data that are too long.
          Refusal.of(
              Reason.NOT_SUPPORTED,
              Errno.EOPNOTSUPP,
              () -> parent.nested(device.devId(), HwptData.vtd(0, 0, 48)).allocate());
          HwptData tooLong = new HwptData(MockDevice.HWPT_DATA, new NativeBlock(8));
          Refusal.of(
              Reason.INVALID_ARGUMENT,
              Errno.EINVAL,
              () -> parent.nested(device.devId(), tooLong).allocate());
          // The table of a guest has no data of its own below it.
          assertThat(device.replaceRefusal(new HwptId(4711))).isEqualTo(Errno.ENOENT);
        });
  }

  @Test
  void entriesAreDoneInTheirOrder() {
    nested(
        (device, parent, nested) -> {
          assertThat(MockDevice.keeps(nested, 3, CONTENT)).isTrue();
          Invalidations two = MockDevice.entries(0, 1, 0, 3);
          nested.invalidate(two);
          assertThat(two.done()).isEqualTo(2);
          assertThat(MockDevice.keeps(nested, 0, CONTENT)).isTrue();
          assertThat(MockDevice.keeps(nested, 1, 0)).isTrue();
          assertThat(MockDevice.keeps(nested, 2, CONTENT)).isTrue();
          assertThat(MockDevice.keeps(nested, 3, 0)).isTrue();
          Invalidations all = MockDevice.entries(MockDevice.INVALIDATE_ALL, 0);
          nested.invalidate(all);
          assertThat(all.done()).isEqualTo(1);
          assertThat(MockDevice.keeps(nested, 0, 0)).isTrue();
          assertThat(MockDevice.keeps(nested, 2, 0)).isTrue();
        });
  }

  @Test
  void anEntryThatIsRefusedEndsIt() {
    nested(
        (device, parent, nested) -> {
          Invalidations wrongIndex = MockDevice.entries(0, 1, 0, 7, 0, 2);
          VfioException refused =
              Refusal.of(
                  Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> nested.invalidate(wrongIndex));
          assertThat(refused.fact()).contains("1 of 3 entries");
          assertThat(wrongIndex.done()).isEqualTo(1);
          assertThat(MockDevice.keeps(nested, 1, 0)).isTrue();
          assertThat(MockDevice.keeps(nested, 2, CONTENT)).isTrue();
          Invalidations wrongFlag = MockDevice.entries(0, 2, 8, 0);
          assertThat(nested.tryInvalidate(wrongFlag)).isEqualTo(Errno.EOPNOTSUPP.result());
          assertThat(wrongFlag.done()).isEqualTo(1);
        });
  }

  /** No entry at all asks whether the type is known. */
  @Test
  void theTypeCanBeProbed() {
    nested(
        (device, parent, nested) -> {
          assertThat(nested.tryInvalidate(MockDevice.entries())).isZero();
          assertThat(nested.tryInvalidate(Invalidations.vtd(0))).isEqualTo(Errno.EINVAL.result());
          Invalidations vtd = Invalidations.vtd(1).addVtd(0x1000, 1, true);
          assertThat(nested.tryInvalidate(vtd)).isEqualTo(Errno.EINVAL.result());
          assertThat(vtd.done()).isZero();
        });
  }

  @Test
  void malformedArgumentsAreRefusedAndNothingIsDone() {
    nested(
        (device, parent, nested) -> {
          int id = nested.id().value();
          NativeBlock entries = new NativeBlock(16);
          long data = entries.address();
          IommuHwptInvalidate reserved = argument(id, data, 8, 1);
          reserved.putInt(IommuHwptInvalidate.RESERVED, 1);
          refused(nested, reserved, Errno.EOPNOTSUPP);
          refused(nested, argument(id, 0, 8, 1), Errno.EINVAL);
          refused(nested, argument(id, data, 0, 1), Errno.EINVAL);
          refused(nested, argument(id, data, 4097, 1), Errno.EINVAL);
          refused(nested, argument(id, data, 8, (1 << 19) + 1), Errno.EINVAL);
          refused(nested, argument(4711, data, 8, 1), Errno.ENOENT);
          refused(nested, argument(parent.id().value(), data, 8, 1), Errno.ENOENT);
          // Entries of another length than the driver knows; memory that is not there.
          refused(nested, argument(id, data, 4, 1), Errno.EINVAL);
          refused(nested, argument(id, data, 16, 1), Errno.EINVAL);
          refused(nested, argument(id, Memory.NOWHERE, 8, 1), Errno.EFAULT);
        });
  }

  @Test
  void anArrayTakesItsOwnEntriesOnly() {
    Invalidations vtd = Invalidations.vtd(1).addVtd(0, -1, false);
    assertThatThrownBy(() -> vtd.addVtd(0, 1, false)).hasMessageContaining("room for 1");
    assertThatThrownBy(() -> Invalidations.vtd(1).addArmSmmuV3(0, 0))
        .hasMessageContaining("data type 0");
    vtd.clear();
    assertThat(vtd.addVtd(0x1000, 1, true).count()).isEqualTo(1);
    assertThatThrownBy(() -> Invalidations.vtd(Invalidations.MOST_ENTRIES + 1))
        .isInstanceOf(VfioException.class);
  }

  private static IommuHwptInvalidate argument(int id, long data, int length, int count) {
    return new IommuHwptInvalidate()
        .hwptId(id)
        .dataType(MockDevice.INVALIDATE_DATA)
        .dataUptr(data)
        .entryLen(length)
        .entryNum(count);
  }

  private static void refused(NestedHwpt nested, IommuHwptInvalidate argument, Errno errno) {
    int fd = nested.iommufd().fd();
    int result = Lab.KERNEL.ioctl(fd, IommufdUapi.IOMMU_HWPT_INVALIDATE, argument);
    assertThat(Errno.ofResult(result)).isEqualTo(errno);
    assertThat(argument.entryNum()).isZero();
  }
}
