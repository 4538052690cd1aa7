// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPrecopyInfo;

/** The state of a device, to be read: what {@link DeviceMigration} gives. */
final class SavingFile extends OpenFile {
  private final DeviceMigration migration;
  private byte[] data;
  private int position;
  private boolean disabled;

  SavingFile(DeviceMigration migration, byte[] data) {
    super("anon_inode:vfio_mig");
    this.migration = migration;
    this.data = data.clone();
  }

  void append(byte[] more) {
    int before = data.length;
    data = Arrays.copyOf(data, before + more.length);
    System.arraycopy(more, 0, data, before, more.length);
  }

  void disable() {
    disabled = true;
    data = new byte[0];
    position = 0;
  }

  @Override
  long read(UserPointer target, int length) {
    KernelError.refuseIf(disabled, Errno.ENODEV);
    int count = Math.min(length, data.length - position);
    if (count > 0) {
      target.put(0, Arrays.copyOfRange(data, position, position + count));
      position += count;
    }
    return count;
  }

  @Override
  long write(UserPointer source, int length) {
    throw KernelError.of(Errno.EBADF);
  }

  @Override
  int ioctl(int request, UserPointer info) {
    KernelError.refuseIf(request != VfioDeviceUapi.VFIO_MIG_GET_PRECOPY_INFO, Errno.ENOTTY);
    info.argsz(VfioPrecopyInfo.SIZEOF);
    KernelError.refuseIf(!migration.isPreCopy(), Errno.EINVAL);
    KernelError.refuseIf(disabled, Errno.ENODEV);
    byte[] fresh = migration.newInitialData();
    append(fresh);
    if (fresh.length > 0 && migration.tellsOfNewInitialData()) {
      info.putInt(VfioPrecopyInfo.FLAGS, VfioDeviceUapi.VFIO_PRECOPY_INFO_REINIT);
    }
    info.putLong(VfioPrecopyInfo.INITIAL_BYTES, data.length - position);
    info.putLong(VfioPrecopyInfo.DIRTY_BYTES, 0);
    return 0;
  }
}
