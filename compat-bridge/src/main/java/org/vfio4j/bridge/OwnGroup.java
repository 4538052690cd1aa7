// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * A group that the policy leaves to the kernel's own group API. Its calls pass through, but for the
 * one that names a container: that is to be the kernel's own too.
 */
final class OwnGroup extends BridgedFile {
  private final String path;
  private BridgedContainer container;
  private boolean closed;

  OwnGroup(CompatBridge bridge, String path) {
    super(bridge);
    this.path = path;
  }

  @Override
  String path() {
    return path;
  }

  @Override
  int ioctl(int fd, int request, NativeBlock argument) throws BridgeRefusal {
    return isOurs(request)
        ? super.ioctl(fd, request, argument)
        : bridge().below().ioctl(fd, request, argument);
  }

  @Override
  int ioctl(int fd, int request, UserArgument argument) throws BridgeRefusal {
    return switch (request) {
      case VfioGroupUapi.VFIO_GROUP_SET_CONTAINER -> join(fd, argument);
      case VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER -> leave(fd);
      default -> bridge().below().ioctl(fd, request, argument.number());
    };
  }

  private static boolean isOurs(int request) {
    return request == VfioGroupUapi.VFIO_GROUP_SET_CONTAINER
        || request == VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER;
  }

  private synchronized int join(int fd, UserArgument argument) throws BridgeRefusal {
    int containerFd = argument.getInt(0);
    NativeBlock own = new NativeBlock(Integer.BYTES);
    if (!(bridge().files().find(containerFd) instanceof BridgedContainer joined)) {
      own.putInt(0, containerFd);
      return bridge().below().ioctl(fd, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, own);
    }
    BridgeRefusal.refuseIf(closed, Errno.EBADF);
    BridgeRefusal.refuseIf(container != null, Errno.EINVAL);
    own.putInt(0, joined.joinOwn());
    int result = bridge().below().ioctl(fd, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, own);
    if (result < 0) {
      joined.leaveOwn();
    } else {
      container = joined;
    }
    return result;
  }

  private synchronized int leave(int fd) {
    int result = bridge().below().ioctl(fd, VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER, 0);
    if (result >= 0) {
      leaveContainer();
    }
    return result;
  }

  private void leaveContainer() {
    if (container != null) {
      container.leaveOwn();
      container = null;
    }
  }

  /** The kernel's own devices keep the kernel's own group, and that its container. */
  @Override
  synchronized void released() {
    closed = true;
    leaveContainer();
  }
}
