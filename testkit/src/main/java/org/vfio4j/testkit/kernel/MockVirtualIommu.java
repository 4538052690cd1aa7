// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.vfio4j.Errno;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * A virtual IOMMU of the self-test: page tables, caches of devices, events and two queues.
 *
 * <p>Source: {@code drivers/iommu/iommufd/selftest.c} of the releases that have it.
 */
final class MockVirtualIommu extends VirtualIommu {
  static final int EVENT_TYPE = 0xbeefbeef;
  static final int QUEUE_TYPE = 0xdeadbeef;

  private static final int INVALIDATE_DATA = 0xdeadbeef;
  private static final int FLAG_ALL = 1;
  private static final int FLAGS = 0;
  private static final int VDEV_ID = 4;
  private static final int CACHE_ID = 8;
  private static final int ENTRY_SIZE = 12;

  private final KernelVersion version;

  /** {@code data}: null, or a number that is given back. */
  MockVirtualIommu(IommuDriver owner, PagingDomain parent, UserData data, KernelVersion version) {
    super(owner, parent);
    this.version = version;
    if (data != null) {
      ByteBuffer struct = data.struct(MockDriver.VIOMMU_TYPE, 2 * Integer.BYTES, 2 * Integer.BYTES);
      data.pointer().putInt(Integer.BYTES, struct.getInt(0));
    }
  }

  /** An event that tells the number by which the guest knows the device. */
  static void report(Vdevice device) {
    ByteBuffer event = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.nativeOrder());
    Veventq queue = device.viommu().eventQueue(EVENT_TYPE);
    KernelError.refuseIf(queue == null, Errno.EOPNOTSUPP);
    queue.report(event.putInt(0, (int) device.virtualId()).array());
  }

  @Override
  NestedDomain allocateNested(int flags, UserData data) {
    return owner().allocateNested(null, flags, parent(), data);
  }

  @Override
  void invalidate(Viommu viommu, UserArray entries) {
    KernelError.refuseIf(entries.type() != INVALIDATE_DATA, Errno.EINVAL);
    for (int i = 0; Integer.compareUnsigned(i, entries.count()) < 0; i++) {
      ByteBuffer entry = entries.struct(i, INVALIDATE_DATA, ENTRY_SIZE, ENTRY_SIZE);
      int flags = entry.getInt(FLAGS);
      int index = entry.getInt(CACHE_ID);
      KernelError.refuseIf((flags & ~FLAG_ALL) != 0, Errno.EOPNOTSUPP);
      KernelError.refuseIf(
          Integer.compareUnsigned(index, MockDevice.CACHE_SIZE) >= 0, Errno.EINVAL);
      Vdevice device = viommu.device(Integer.toUnsignedLong(entry.getInt(VDEV_ID)));
      KernelError.refuseIf(device == null, Errno.EINVAL);
      int[] cache = ((MockDevice) device.device().endpoint()).cache();
      if (flags == FLAG_ALL) {
        Arrays.fill(cache, 0);
      } else {
        cache[index] = 0;
      }
      entries.finished();
    }
  }

  @Override
  void checkQueueType(int type) {
    KernelError.refuseIf(type != QUEUE_TYPE || !version.hasHardwareQueues(), Errno.EOPNOTSUPP);
  }
}
