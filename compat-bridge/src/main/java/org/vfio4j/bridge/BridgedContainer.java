// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;

/**
 * A container: an iommufd to which the devices of its groups are bound, with an IOAS from
 * VFIO_SET_IOMMU on.
 *
 * <p>Its groups keep it when its file is closed. Locks are taken in the order group, container,
 * IOMMU.
 *
 * <p>Source of the rules: {@code drivers/vfio/container.c}, where the checks are in the same order.
 */
final class BridgedContainer extends BridgedFile {
  private final int iommufd;
  private final List<BridgedGroup> groups = new ArrayList<>();
  private volatile BridgedIommu iommu;
  private volatile boolean noIommuSet;

  /** By which the file was closed; null while it is open. */
  private Cause closed;

  /** Of the kernel's own container, once one of the kernel's own groups has joined; else -1. */
  private volatile int ownContainer = -1;

  private int ownGroups;

  BridgedContainer(CompatBridge bridge, Cause cause) throws BridgeRefusal {
    super(bridge);
    this.iommufd = bridge.calls().openIommufd(cause);
  }

  int iommufd() {
    return iommufd;
  }

  boolean hasIommu() {
    return iommu != null || noIommuSet;
  }

  @Override
  String path() {
    return bridge().roots().dev("vfio/vfio");
  }

  @Override
  int ioctl(int fd, int request, NativeBlock argument) throws BridgeRefusal {
    if (ownContainer >= 0) {
      return bridge().below().ioctl(ownContainer, request, argument);
    }
    BridgedIommu now = iommu;
    if (now != null) {
      if (request == VfioGroupUapi.VFIO_IOMMU_MAP_DMA
          && argument.capacity() >= VfioIommuType1DmaMap.SIZEOF) {
        return now.map(argument);
      }
      if (request == VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA
          && argument.capacity() >= VfioIommuType1DmaUnmap.SIZEOF
          && BridgedIommu.isPlain(argument)) {
        return now.unmap(argument);
      }
    }
    return super.ioctl(fd, request, argument);
  }

  @Override
  int ioctl(int fd, int request, UserArgument argument) throws BridgeRefusal {
    if (ownContainer >= 0) {
      return bridge().below().ioctl(ownContainer, request, argument.number());
    }
    switch (request) {
      case VfioGroupUapi.VFIO_GET_API_VERSION -> {
        bridge().tally().made(null, LegacyCall.GET_API_VERSION);
        return VfioGroupUapi.VFIO_API_VERSION;
      }
      case VfioGroupUapi.VFIO_CHECK_EXTENSION -> {
        bridge().tally().made(mode(), LegacyCall.CHECK_EXTENSION);
        return checkExtension(argument.number());
      }
      case VfioGroupUapi.VFIO_SET_IOMMU -> {
        long type = argument.number();
        setIommu(bridge().tally().made(mode(type), LegacyCall.SET_IOMMU), type);
        return 0;
      }
      default -> {
        BridgeRefusal.refuseIf(noIommuSet, Errno.ENOTTY);
        BridgedIommu now = iommu;
        BridgeRefusal.refuseIf(now == null, Errno.EINVAL);
        return now.ioctl(request, argument);
      }
    }
  }

  /** Null while there is no IOMMU. */
  VfioMode mode() {
    BridgedIommu now = iommu;
    return now == null ? null : now.mode();
  }

  /** Null for a type that the bridge does not have. */
  private static VfioMode mode(long type) {
    if (type == VfioGroupUapi.VFIO_TYPE1v2_IOMMU) {
      return VfioMode.BRIDGE_TYPE1V2;
    }
    return type == VfioGroupUapi.VFIO_TYPE1_IOMMU ? VfioMode.BRIDGE_TYPE1 : null;
  }

  private synchronized boolean isNoIommu() {
    return !groups.isEmpty() && groups.get(0).isNoIommu();
  }

  /**
   * VFIO_NOIOMMU_IOMMU without a group is what the kernel below could do; 1:1 what type1 says, but
   * that an IOAS neither nests in type1's way nor changes addresses.
   */
  private synchronized int checkExtension(long extension) {
    if (extension == VfioGroupUapi.VFIO_NOIOMMU_IOMMU) {
      boolean may = iommu == null && (groups.isEmpty() || isNoIommu());
      return may && bridge().isNoIommuMode() ? 1 : 0;
    }
    if (noIommuSet || isNoIommu()) {
      return 0;
    }
    if (extension == VfioGroupUapi.VFIO_DMA_CC_IOMMU) {
      return iommu != null && iommu.isCacheCoherent() ? 1 : 0;
    }
    boolean has =
        extension == VfioGroupUapi.VFIO_TYPE1_IOMMU
            || extension == VfioGroupUapi.VFIO_TYPE1v2_IOMMU
            || extension == VfioGroupUapi.VFIO_UNMAP_ALL;
    return has ? 1 : 0;
  }

  private synchronized void setIommu(Cause cause, long type) throws BridgeRefusal {
    BridgeRefusal.refuseIf(groups.isEmpty() || hasIommu(), Errno.EINVAL);
    if (isNoIommu()) {
      BridgeRefusal.refuseIf(checkExtension(type) == 0, Errno.ENODEV);
      noIommuSet = true;
      return;
    }
    // It is an extension that type1 has, and no type that it can be opened as.
    BridgeRefusal.refuseIf(type == VfioGroupUapi.VFIO_UNMAP_ALL, Errno.EINVAL);
    if (type == VfioGroupUapi.VFIO_TYPE1_NESTING_IOMMU) {
      throw BridgeRefusal.of(
          Errno.ENODEV,
          new Explanation(
              Reason.NOT_SUPPORTED,
              "type1's nesting has no equal on an IOAS, and is gone from Linux 6.13 on",
              "use TYPE1v2, or nested page tables of an iommufd"));
    }
    BridgeRefusal.refuseIf(cause.mode() == null, Errno.ENODEV);
    BridgedIommu made = new BridgedIommu(bridge(), cause, iommufd);
    try {
      for (BridgedGroup group : groups) {
        for (BridgedDevice device : group.bound()) {
          made.attach(cause, device);
        }
      }
    } catch (BridgeRefusal e) {
      made.detachAll(cause, groups);
      made.release(cause);
      throw e;
    }
    iommu = made;
  }

  /** Takes a group in; it owns the DMA of its devices from here on. */
  synchronized void join(Cause cause, BridgedGroup group) throws BridgeRefusal {
    BridgeRefusal.refuseIf(closed != null, Errno.EBADF);
    boolean mixed = !groups.isEmpty() && isNoIommu() != group.isNoIommu();
    BridgeRefusal.refuseIf(mixed, Errno.EPERM);
    BridgeRefusal.refuseIf(ownContainer >= 0, Errno.EINVAL);
    group.claim(cause, iommufd);
    if (iommu != null) {
      try {
        for (BridgedDevice device : group.bound()) {
          iommu.attach(cause, device);
        }
      } catch (BridgeRefusal e) {
        group.release(cause);
        iommu.left(cause, group);
        // What an IOAS calls an address in use is an address that the group cannot have.
        throw e.is(Errno.EADDRINUSE) ? BridgeRefusal.of(Errno.EINVAL) : e;
      }
    }
    groups.add(group);
  }

  /** Attaches a device of a group that is in, where there is something to attach it to. */
  synchronized void attach(Cause cause, BridgedDevice device) throws BridgeRefusal {
    if (iommu != null) {
      iommu.attach(cause, device);
    }
  }

  /** The last group that leaves takes the IOMMU, and what is mapped, with it. */
  synchronized void leave(Cause cause, BridgedGroup group) {
    group.release(cause);
    groups.remove(group);
    if (iommu != null) {
      iommu.left(cause, group);
    }
    if (groups.isEmpty()) {
      if (iommu != null) {
        iommu.release(cause);
      }
      iommu = null;
      noIommuSet = false;
      end();
    }
  }

  /**
   * For a group that is the kernel's own: the kernel's own container, which this one is from here
   * on.
   */
  synchronized int joinOwn() throws BridgeRefusal {
    BridgeRefusal.refuseIf(!groups.isEmpty() || closed != null, Errno.EINVAL);
    if (ownContainer < 0) {
      ownContainer = BridgeRefusal.check(bridge().below().open(path(), Linux.O_RDWR));
    }
    ownGroups++;
    return ownContainer;
  }

  synchronized void leaveOwn() {
    ownGroups--;
    end();
  }

  @Override
  void released() {
    synchronized (this) {
      closed = bridge().tally().made(mode(), LegacyCall.CLOSE_CONTAINER);
      end();
    }
  }

  private void end() {
    if (ownContainer >= 0 && ownGroups == 0) {
      bridge().below().close(ownContainer);
      ownContainer = -1;
    }
    if (closed != null && groups.isEmpty() && ownGroups == 0) {
      bridge().calls().close(closed, iommufd);
    }
  }
}
