// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwQueueAlloc;
import org.vfio4j.iommufd.uapi.IommuVdeviceAlloc;
import org.vfio4j.iommufd.uapi.IommuVeventqAlloc;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommuViommuTegra241Cmdqv;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * The calls of an iommufd that are about virtual IOMMUs.
 *
 * <p>Source: {@code drivers/iommu/iommufd/viommu.c} and {@code eventq.c}, where the checks are in
 * the same order.
 */
final class ViommuCalls {
  private final Core core;
  private final KernelVersion version;
  private final IommufdContext context;

  ViommuCalls(Core core, IommufdContext context) {
    this.core = core;
    this.version = core.version();
    this.context = context;
  }

  /** IOMMU_VIOMMU_ALLOC. */
  void allocate(IommufdCommand alloc) {
    int type = alloc.getInt(IommuViommuAlloc.TYPE);
    KernelError.refuseIf(alloc.getInt(IommuViommuAlloc.FLAGS) != 0 || type == 0, Errno.EOPNOTSUPP);
    Endpoint device = context.device(alloc.getInt(IommuViommuAlloc.DEV_ID)).endpoint();
    KernelError.refuseIf(!device.iommu().hasVirtual(type), Errno.EOPNOTSUPP);
    PagingHwpt parent = context.paging(alloc.getInt(IommuViommuAlloc.HWPT_ID));
    KernelError.refuseIf(!parent.isNestParent(), Errno.EINVAL);
    int length = alloc.getInt(IommuViommuAlloc.DATA_LEN);
    UserData data =
        length == 0
            ? null
            : new UserData(type, alloc.at(alloc.getLong(IommuViommuAlloc.DATA_UPTR)), length);
    Viommu viommu =
        new Viommu(
            context, parent, device.iommu().makeVirtual(type, device, parent.domain(), data));
    context.add(viommu);
    if (data != null && viommu.iommu().window() != null) {
      offerWindow(viommu, data);
    }
    respond(alloc.putInt(IommuViommuAlloc.OUT_VIOMMU_ID, viommu.id()), viommu);
  }

  /** Tells where in /dev/iommu its registers are. */
  private void offerWindow(Viommu viommu, UserData data) {
    try {
      data.struct(data.type(), IommuViommuTegra241Cmdqv.SIZEOF, IommuViommuTegra241Cmdqv.SIZEOF);
      long offset = context.offer(new IommufdWindow(viommu, viommu.iommu().window()));
      data.pointer().putLong(IommuViommuTegra241Cmdqv.OUT_VINTF_MMAP_OFFSET, offset);
      data.pointer().putLong(IommuViommuTegra241Cmdqv.OUT_VINTF_MMAP_LENGTH, IommufdWindow.LENGTH);
    } catch (KernelError e) {
      context.remove(viommu);
      throw e;
    }
  }

  private void respond(IommufdCommand command, IommufdObject made) {
    KernelError.orUndo(command::respond, () -> context.remove(made));
  }

  /** IOMMU_VDEVICE_ALLOC. */
  void allocateDevice(IommufdCommand alloc) {
    Viommu viommu = context.viommu(alloc.getInt(IommuVdeviceAlloc.VIOMMU_ID));
    IommufdDevice device = context.device(alloc.getInt(IommuVdeviceAlloc.DEV_ID));
    KernelError.refuseIf(viommu.driver() != device.endpoint().iommu(), Errno.EINVAL);
    boolean tied = version.tiesVirtualDevices();
    KernelError.refuseIf(tied && device.vdevice() != null, Errno.EEXIST);
    long virtualId = alloc.getLong(IommuVdeviceAlloc.VIRT_ID);
    KernelError.refuseIf(viommu.device(virtualId) != null, Errno.EEXIST);
    Vdevice vdevice = new Vdevice(context, viommu, device, virtualId, tied);
    context.add(vdevice);
    respond(alloc.putInt(IommuVdeviceAlloc.OUT_VDEVICE_ID, vdevice.id()), vdevice);
  }

  /** IOMMU_VEVENTQ_ALLOC. */
  void allocateEventQueue(IommufdCommand alloc) {
    int type = alloc.getInt(IommuVeventqAlloc.TYPE);
    boolean unknown =
        alloc.getInt(IommuVeventqAlloc.FLAGS) != 0
            || alloc.getInt(IommuVeventqAlloc.RESERVED) != 0
            || type == 0;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    int depth = alloc.getInt(IommuVeventqAlloc.VEVENTQ_DEPTH);
    KernelError.refuseIf(depth == 0, Errno.EINVAL);
    Viommu viommu = context.viommu(alloc.getInt(IommuVeventqAlloc.VIOMMU_ID));
    KernelError.refuseIf(viommu.eventQueue(type) != null, Errno.EEXIST);
    Veventq queue = new Veventq(context, viommu, type, depth);
    context.add(queue);
    alloc.putInt(IommuVeventqAlloc.OUT_VEVENTQ_ID, queue.id());
    KernelError.orUndo(
        () ->
            core.files()
                .add(
                    new VeventqFile(version, context, queue),
                    fd -> alloc.putInt(IommuVeventqAlloc.OUT_VEVENTQ_FD, fd).respond()),
        () -> context.remove(queue));
  }

  /** IOMMU_HW_QUEUE_ALLOC. */
  void allocateHwQueue(IommufdCommand alloc) {
    int type = alloc.getInt(IommuHwQueueAlloc.TYPE);
    KernelError.refuseIf(alloc.getInt(IommuHwQueueAlloc.FLAGS) != 0 || type == 0, Errno.EOPNOTSUPP);
    long iova = alloc.getLong(IommuHwQueueAlloc.NESTING_PARENT_IOVA);
    long length = alloc.getLong(IommuHwQueueAlloc.LENGTH);
    KernelError.refuseIf(length == 0, Errno.EINVAL);
    KernelError.refuseIf(Ioas.wraps(iova, length), Errno.EOVERFLOW);
    Viommu viommu = context.viommu(alloc.getInt(IommuHwQueueAlloc.VIOMMU_ID));
    viommu.iommu().checkQueueType(type);
    HwQueue queue =
        new HwQueue(context, viommu, alloc.getInt(IommuHwQueueAlloc.INDEX), iova, length);
    context.add(queue);
    respond(alloc.putInt(IommuHwQueueAlloc.OUT_HW_QUEUE_ID, queue.id()), queue);
  }
}
