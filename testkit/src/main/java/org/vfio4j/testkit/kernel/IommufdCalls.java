// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuFaultAlloc;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwQueueAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommuHwptSetDirtyTracking;
import org.vfio4j.iommufd.uapi.IommuIoasChangeProcess;
import org.vfio4j.iommufd.uapi.IommuIoasMapFile;
import org.vfio4j.iommufd.uapi.IommuIoasNoiommuGetPa;
import org.vfio4j.iommufd.uapi.IommuVdeviceAlloc;
import org.vfio4j.iommufd.uapi.IommuVeventqAlloc;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * The calls of an iommufd that came after the first release of it: which of them a kernel has, and
 * how long their structs are there.
 *
 * <p>Source: {@code drivers/iommu/iommufd/main.c}.
 */
final class IommufdCalls {
  private static final int NUMBER = 0xff;

  private final Core core;
  private final KernelVersion version;
  private final IommufdContext context;
  private final HwptCalls hwpts;
  private final ViommuCalls viommus;
  private final MockCalls mocks;

  IommufdCalls(Core core, IommufdContext context) {
    this.core = core;
    this.version = core.version();
    this.context = context;
    this.hwpts = new HwptCalls(version, context);
    this.viommus = new ViommuCalls(core, context);
    this.mocks = new MockCalls(core, context);
  }

  /** The last number of the table; those behind it are for the calls of a container. */
  int last() {
    return (core.machine().hasIommufdTest() ? MockCalls.IOMMU_TEST_CMD : lastOfVersion()) & NUMBER;
  }

  private int lastOfVersion() {
    if (version.hasNoIommuDeviceNodes()) {
      return IommufdUapi.IOMMU_IOAS_NOIOMMU_GET_PA;
    } else if (version.hasHardwareQueues()) {
      return IommufdUapi.IOMMU_HW_QUEUE_ALLOC;
    } else if (version.hasVirtualEvents()) {
      return IommufdUapi.IOMMU_VEVENTQ_ALLOC;
    } else if (version.hasVirtualIommus()) {
      return IommufdUapi.IOMMU_IOAS_CHANGE_PROCESS;
    } else if (version.hasFaultQueues()) {
      return IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC;
    } else if (version.hasInvalidation()) {
      return IommufdUapi.IOMMU_HWPT_INVALIDATE;
    } else if (version.hasDirtyTracking()) {
      return IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP;
    }
    return version.hasPageTables() ? IommufdUapi.IOMMU_GET_HW_INFO : IommufdUapi.IOMMU_VFIO_IOAS;
  }

  void ioctl(int request, UserPointer argument, int size) {
    switch (request) {
      case IommufdUapi.IOMMU_HWPT_ALLOC -> {
        has(version.hasPageTables());
        hwpts.allocate(
            new IommufdCommand(argument, size, IommuHwptAlloc.DATA_TYPE, hwptAllocSize()));
      }
      case IommufdUapi.IOMMU_GET_HW_INFO -> {
        has(version.hasPageTables());
        int known = version.hasDirtyTracking() ? IommuHwInfo.SIZEOF : IommuHwInfo.OUT_CAPABILITIES;
        hwpts.getHwInfo(new IommufdCommand(argument, size, IommuHwInfo.OUT_CAPABILITIES, known));
      }
      case IommufdUapi.IOMMU_HWPT_SET_DIRTY_TRACKING -> {
        has(version.hasDirtyTracking());
        hwpts.setDirtyTracking(fixed(argument, size, IommuHwptSetDirtyTracking.SIZEOF));
      }
      case IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP -> {
        has(version.hasDirtyTracking());
        hwpts.getDirtyBitmap(fixed(argument, size, IommuHwptGetDirtyBitmap.SIZEOF));
      }
      case IommufdUapi.IOMMU_HWPT_INVALIDATE -> {
        has(version.hasInvalidation());
        hwpts.invalidate(fixed(argument, size, IommuHwptInvalidate.SIZEOF));
      }
      case IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC -> {
        has(version.hasFaultQueues());
        allocateFaultQueue(fixed(argument, size, IommuFaultAlloc.SIZEOF));
      }
      case IommufdUapi.IOMMU_IOAS_MAP_FILE -> {
        has(version.hasFileMappings());
        mapFile(fixed(argument, size, IommuIoasMapFile.SIZEOF));
      }
      case IommufdUapi.IOMMU_IOAS_CHANGE_PROCESS -> {
        has(version.hasFileMappings());
        IommufdCommand change = fixed(argument, size, IommuIoasChangeProcess.SIZEOF);
        boolean reserved = change.getInt(IommuIoasChangeProcess.RESERVED) != 0;
        KernelError.refuseIf(reserved, Errno.EOPNOTSUPP);
        KernelError.refuseIf(!context.isOfFiles(), Errno.EINVAL);
      }
      case IommufdUapi.IOMMU_VIOMMU_ALLOC -> {
        has(version.hasVirtualIommus());
        int known =
            version.hasHardwareQueues() ? IommuViommuAlloc.SIZEOF : IommuViommuAlloc.DATA_LEN;
        viommus.allocate(new IommufdCommand(argument, size, IommuViommuAlloc.DATA_LEN, known));
      }
      case IommufdUapi.IOMMU_VDEVICE_ALLOC -> {
        has(version.hasVirtualIommus());
        viommus.allocateDevice(fixed(argument, size, IommuVdeviceAlloc.SIZEOF));
      }
      case IommufdUapi.IOMMU_VEVENTQ_ALLOC -> {
        has(version.hasVirtualEvents());
        viommus.allocateEventQueue(
            new IommufdCommand(
                argument, size, IommuVeventqAlloc.RESERVED, IommuVeventqAlloc.SIZEOF));
      }
      case IommufdUapi.IOMMU_HW_QUEUE_ALLOC -> {
        has(version.hasHardwareQueues());
        viommus.allocateHwQueue(fixed(argument, size, IommuHwQueueAlloc.SIZEOF));
      }
      case IommufdUapi.IOMMU_IOAS_NOIOMMU_GET_PA -> {
        has(version.hasNoIommuDeviceNodes());
        getPhysical(fixed(argument, size, IommuIoasNoiommuGetPa.SIZEOF));
      }
      case MockCalls.IOMMU_TEST_CMD -> {
        has(core.machine().hasIommufdTest());
        mocks.ioctl(new IommufdCommand(argument, size, MockCalls.LAST_END, MockCalls.SIZEOF));
      }
      default -> throw KernelError.of(Errno.ENOTTY);
    }
  }

  private static void has(boolean known) {
    KernelError.refuseIf(!known, Errno.ENOTTY);
  }

  /** A struct that has not grown so far. */
  private static IommufdCommand fixed(UserPointer argument, int size, int known) {
    return new IommufdCommand(argument, size, known, known);
  }

  private int hwptAllocSize() {
    if (version.hasFaultQueues()) {
      return IommuHwptAlloc.SIZEOF;
    }
    return version.hasDirtyTracking() ? IommuHwptAlloc.FAULT_ID : IommuHwptAlloc.DATA_TYPE;
  }

  private void allocateFaultQueue(IommufdCommand alloc) {
    KernelError.refuseIf(alloc.getInt(IommuFaultAlloc.FLAGS) != 0, Errno.EOPNOTSUPP);
    FaultQueue queue = new FaultQueue(context);
    context.add(queue);
    alloc.putInt(IommuFaultAlloc.OUT_FAULT_ID, queue.id());
    KernelError.orUndo(
        () ->
            core.files()
                .add(
                    new FaultFile(core, context, queue),
                    fd -> alloc.putInt(IommuFaultAlloc.OUT_FAULT_FD, fd).respond()),
        () -> context.remove(queue));
  }

  private void mapFile(IommufdCommand map) {
    int flags = map.getInt(IommuIoasMapFile.FLAGS);
    long iova = map.getLong(IommuIoasMapFile.IOVA);
    long length = map.getLong(IommuIoasMapFile.LENGTH);
    int access = IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE | IommufdUapi.IOMMU_IOAS_MAP_READABLE;
    int known = access | IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA;
    KernelError.refuseIf((flags & ~known) != 0, Errno.EOPNOTSUPP);
    KernelError.refuseIf(iova == -1 || length == -1, Errno.EOVERFLOW);
    KernelError.refuseIf((flags & access) == 0, Errno.EINVAL);
    Ioas ioas = context.ioas(map.getInt(IommuIoasMapFile.IOAS_ID));
    boolean fixed = (flags & IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA) != 0;
    long mapped =
        ioas.mapFile(
            context.account(),
            core.files().get(map.getInt(IommuIoasMapFile.FD)),
            map.getLong(IommuIoasMapFile.START),
            length,
            fixed ? (Long) iova : null,
            (flags & IommufdUapi.IOMMU_IOAS_MAP_READABLE) != 0,
            (flags & IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE) != 0);
    map.putLong(IommuIoasMapFile.IOVA, mapped).respond();
  }

  /** Where a device without an IOMMU finds what is mapped: the fake's memory is where it is. */
  private void getPhysical(IommufdCommand get) {
    boolean privileged = core.machine().has(Capability.CAP_SYS_RAWIO);
    KernelError.refuseIf(!privileged, Errno.EPERM);
    boolean unknown =
        get.getInt(IommuIoasNoiommuGetPa.FLAGS) != 0
            || get.getInt(IommuIoasNoiommuGetPa.RESERVED) != 0;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    KernelError.refuseIf(get.getLong(IommuIoasNoiommuGetPa.IOVA) == -1, Errno.EOVERFLOW);
    Ioas ioas = context.ioas(get.getInt(IommuIoasNoiommuGetPa.IOAS_ID));
    boolean attached =
        ioas.hwpts().stream().anyMatch(hwpt -> hwpt.domain().owner() == core.noIommu());
    KernelError.refuseIf(!attached, Errno.EINVAL);
    long iova = get.getLong(IommuIoasNoiommuGetPa.IOVA);
    IovaSpace.Mapping mapping = ioas.areas().find(iova);
    KernelError.refuseIf(mapping == null, Errno.ENOENT);
    long length = mapping.lengthFrom(iova);
    long most = get.getLong(IommuIoasNoiommuGetPa.LENGTH);
    get.putLong(
            IommuIoasNoiommuGetPa.OUT_PHYS, mapping.pages().address() + mapping.pagesOffset(iova))
        .putLong(
            IommuIoasNoiommuGetPa.LENGTH,
            most != 0 && Long.compareUnsigned(most, length) < 0 ? most : length)
        .respond();
  }
}
