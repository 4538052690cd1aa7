// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.List;
import java.util.OptionalInt;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.VfToken;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.DeviceNode;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.NativeBlock;

/**
 * A group: the devices that the IOMMU cannot keep apart, and that therefore go to one user
 * together.
 *
 * <p>A group can be open once. It is viable while none of its devices is in the hands of a host
 * driver; devices without a driver, and bridges on {@code pcieport}, do no harm. Opened, it
 * {@linkplain #join joins} a container, and gives its devices when that container has an IOMMU.
 *
 * <p>The file stays open for as long as one of its devices is; the container for as long as the
 * group is in it.
 *
 * <p>Thread safe. Linux 3.6, CONFIG_VFIO_GROUP. Source: {@code drivers/vfio/group.c}.
 */
public final class VfioGroup extends FileObject {
  private static final String NO_IOMMU = "noiommu-";

  private final int number;
  private final boolean noIommu;
  private final Membership membership;

  private VfioGroup(Kernel kernel, int fd, String name, int number, Membership membership) {
    super(kernel, fd, name, membership::fileClosed);
    this.number = number;
    this.noIommu = name.contains(NO_IOMMU);
    this.membership = membership;
  }

  /**
   * Opens {@code /dev/vfio/N}.
   *
   * @param number of the IOMMU group
   * @throws VfioException ({@link Reason#IN_USE}: EBUSY with the holders named, {@link
   *     Reason#NO_SUCH_DEVICE} when there is no such group, {@link Reason#WRONG_DRIVER} when none
   *     of its devices is bound to a driver of VFIO, {@link Reason#NOT_IN_KERNEL}, {@link
   *     Reason#NO_PERMISSION}, {@link Reason#LIMIT})
   */
  public static VfioGroup open(Kernel kernel, int number) {
    return openNode(kernel, number, Integer.toString(number));
  }

  /**
   * Opens {@code /dev/vfio/noiommu-N}: a group that the kernel made up for a device without an
   * IOMMU. Needs CAP_SYS_RAWIO. Linux 4.5, CONFIG_VFIO_NOIOMMU.
   *
   * @throws VfioException as {@link #open}
   */
  public static VfioGroup openNoIommu(Kernel kernel, int number) {
    return openNode(kernel, number, NO_IOMMU + number);
  }

  /**
   * Opens the group of a device.
   *
   * @throws VfioException ({@link Reason#NO_IOMMU} when it has none, {@link Reason#WRONG_DRIVER}
   *     when the device is bound to no driver of VFIO, and as {@link #open})
   */
  public static VfioGroup of(Kernel kernel, SysfsDevice device) {
    GroupMember member = GroupMember.of(device);
    // Mediated devices have drivers of any name, and before Linux 6.1 nothing shows them.
    if (!member.vfio() && device.link("subsystem").filter("mdev"::equals).isEmpty()) {
      throw GroupErrors.wrongDriver(member);
    }
    OptionalInt number = device.iommuGroup();
    if (number.isEmpty()) {
      throw GroupErrors.noGroup(device);
    }
    int group = number.getAsInt();
    List<String> nodes = kernel.list(kernel.roots().dev("vfio")).orElse(List.of());
    return nodes.contains(NO_IOMMU + group) ? openNoIommu(kernel, group) : open(kernel, group);
  }

  /** Takes over the file descriptor of a group that was opened, and maybe joined, elsewhere. */
  public static VfioGroup adopt(Kernel kernel, int fd, int number) {
    String name = "group " + number + " (fd " + fd + ")";
    return new VfioGroup(kernel, fd, name, number, new Membership());
  }

  /** Of the IOMMU group: the name of its folder in {@code /sys/kernel/iommu_groups}. */
  public int number() {
    return number;
  }

  /** Its devices and their drivers, as they are now. */
  public List<GroupMember> members() {
    return GroupMember.of(kernel(), number);
  }

  /**
   * VFIO_GROUP_GET_STATUS.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENODEV when all its devices are gone)
   */
  public GroupStatus status() {
    lifetime().enter();
    try {
      VfioGroupStatus status = new VfioGroupStatus();
      int result = kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_GROUP_GET_STATUS, status);
      if (result < 0) {
        throw GroupErrors.status(this, result);
      }
      return new GroupStatus(
          (status.flags() & VfioGroupUapi.VFIO_GROUP_FLAGS_VIABLE) != 0,
          (status.flags() & VfioGroupUapi.VFIO_GROUP_FLAGS_CONTAINER_SET) != 0);
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Puts the group into a container, which stays open until the group leaves or is closed.
   *
   * <p>When this fails the group is closed, so that {@code VfioGroup.open(kernel,
   * n).join(container)} loses nothing; only a group that is in a container already stays as it is.
   *
   * @return this group
   * @throws VfioException ({@link Reason#NOT_VIABLE} with the devices that are in other hands,
   *     {@link Reason#WRONG_STATE} when it is in a container already, {@link Reason#NOT_SUPPORTED}
   *     when the container cannot take it, {@link Reason#NO_PERMISSION}, {@link Reason#OVERLAP}
   *     when something is mapped where its devices cannot have it)
   */
  public VfioGroup join(VfioContainer container) {
    lifetime().enter();
    try {
      synchronized (membership) {
        try {
          GroupStatus status = status();
          if (!status.containerSet()) {
            join(container, status);
            return this;
          }
        } catch (RuntimeException e) {
          close();
          throw e;
        }
        throw GroupErrors.joinedAlready(this, membership.container());
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Takes the group out of its container.
   *
   * @throws VfioException ({@link Reason#IN_USE} while one of its devices is open, {@link
   *     Reason#WRONG_STATE} when it is in none)
   */
  public void leave() {
    lifetime().enter();
    try {
      Runnable letContainerGo;
      synchronized (membership) {
        // An iommufd would let it go with devices open.
        if (membership.devices() > 0) {
          throw GroupErrors.devicesOpen(this, membership.devices());
        }
        int result = kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER, 0);
        if (result < 0) {
          throw GroupErrors.leave(this, result);
        }
        letContainerGo = membership.left();
      }
      letContainerGo.run();
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Opens the PCI function at this address.
   *
   * @throws VfioException as {@link #device(String)}
   */
  public VfioDevice device(PciAddress address) {
    return device(address.toString());
  }

  /**
   * Opens the virtual function at this address, whose physical function is on vfio-pci too; or a
   * physical function, whose token this is from then on, unless one of its virtual functions is
   * open. Linux 5.7.
   *
   * @throws VfioException ({@link Reason#NO_PERMISSION}: EACCES when it is another token, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL when the function takes none; and as {@link
   *     #device(String)})
   */
  public VfioDevice device(PciAddress address, VfToken token) {
    return device(address + " vf_token=" + token.text());
  }

  /**
   * Opens a device of the group. It may be opened more than once.
   *
   * @param name the PCI address, the UUID of a mediated device, or what the device's bus calls it;
   *     a virtual function whose driver wants a token: {@code 0000:04:10.0 vf_token=UUID}
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE} when the group has no such device, or VFIO
   *     does not have it, {@link Reason#WRONG_STATE} when the group is in no container or that has
   *     no IOMMU, {@link Reason#NOT_VIABLE}, {@link Reason#IN_USE}, {@link Reason#NO_PERMISSION},
   *     {@link Reason#LIMIT})
   */
  public VfioDevice device(String name) {
    lifetime().enter();
    try {
      synchronized (membership) {
        int device =
            kernel()
                .ioctl(
                    heldFd(), VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, NativeBlock.ofString(name));
        if (device < 0) {
          throw GroupErrors.device(this, membership.container(), name, device);
        }
        // The device takes that back when its file is closed, its constructor failing included.
        membership.deviceOpened();
        String shortName = name.contains(" ") ? name.substring(0, name.indexOf(' ')) : name;
        GroupDevice opened = new GroupDevice(kernel(), device, shortName, membership, lifetime());
        try {
          opened.requests().listen();
        } catch (VfioException e) {
          opened.close();
          throw e;
        }
        return opened;
      }
    } finally {
      lifetime().leave();
    }
  }

  private void join(VfioContainer container, GroupStatus status) {
    if (!status.viable()) {
      throw GroupErrors.notViable(this, "VFIO_GROUP_SET_CONTAINER", null);
    }
    Lifetime hold = container.lifetime();
    hold.enter();
    NativeBlock argument = new NativeBlock(Integer.BYTES);
    argument.putInt(0, container.state().fd());
    int result = kernel().ioctl(heldFd(), VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, argument);
    if (result < 0) {
      hold.leave();
      throw GroupErrors.join(this, container.state(), result);
    }
    membership.joined(container.state(), hold, noIommu);
  }

  private static VfioGroup openNode(Kernel kernel, int number, String node) {
    String path = kernel.roots().dev("vfio/" + node);
    int fd;
    try {
      fd = DeviceNode.open(kernel, path, GroupErrors.NODE_NEEDS);
    } catch (VfioException e) {
      throw switch (e.reason()) {
        case NOT_IN_KERNEL -> GroupErrors.noNode(kernel, number, path, e);
        case IN_USE -> GroupErrors.inUse(kernel, number, path, e);
        default -> e;
      };
    }
    return new VfioGroup(kernel, fd, path, number, new Membership());
  }
}
