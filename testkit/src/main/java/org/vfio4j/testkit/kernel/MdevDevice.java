// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.MediatedBus;
import org.vfio4j.testkit.device.MediatedModel;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.kernel.UserMemory.Pin;

/** A mediated device: its model, its fake group, and what it reaches of its user's memory. */
final class MdevDevice implements BusDevice, MediatedBus {
  private final UserMemory memory;
  private final MdevType type;
  private final String uuid;
  private final MediatedModel model;
  private final List<DmaFault> faults;
  private IommuGroup group;
  private VfioDevice vfio;
  private VfioMdev opened;
  private IovaSpace access;

  /** Of the last VFIO_DEVICE_GET_INFO, which no close forgets: as the kernel's samples have it. */
  private int knownIrqs;

  MdevDevice(Core core, MdevType type, String uuid, MediatedModel model, List<DmaFault> faults) {
    this.memory = core.memory();
    this.type = type;
    this.uuid = uuid;
    this.model = model;
    this.faults = faults;
    model.connect(this);
  }

  @Override
  public String name() {
    return uuid;
  }

  @Override
  public String path() {
    return type.parent().path() + "/" + uuid;
  }

  MdevType type() {
    return type;
  }

  @Override
  public MediatedModel model() {
    return model;
  }

  IommuGroup group() {
    return group;
  }

  void group(IommuGroup made) {
    group = made;
  }

  VfioDevice vfio() {
    return vfio;
  }

  void vfio(VfioDevice registered) {
    vfio = registered;
  }

  int knownIrqs() {
    return model.countsIrqsWhenAsked() ? knownIrqs : model.irqs();
  }

  void knownIrqs(int count) {
    knownIrqs = count;
  }

  @Override
  public VfioOps open(Core core) {
    opened = new VfioMdev(core, this);
    return opened;
  }

  void closed() {
    opened = null;
  }

  @Override
  public IommufdBinding bind(IommufdContext context) {
    return context.access(this);
  }

  /** What an iommufd lets it reach; null for nothing. */
  void access(IovaSpace space) {
    access = space;
  }

  @Override
  public void interrupt() {
    if (opened != null) {
      opened.irqs().raise();
    }
  }

  @Override
  public boolean readMemory(long iova, byte[] target, int start, int length) {
    return transfer(iova, target, start, length, false);
  }

  @Override
  public boolean writeMemory(long iova, byte[] source, int start, int length) {
    return transfer(iova, source, start, length, true);
  }

  private boolean transfer(long iova, byte[] bytes, int start, int length, boolean write) {
    boolean contained = vfio.group().isInContainer();
    Translation space = contained ? group.translation(IommufdGroup.NO_PASID) : access;
    // Twice, so that a transfer is done whole or not at all.
    for (long done = 0; done < length; ) {
      long at = iova + done;
      Mapping mapping = space == null ? null : space.find(at);
      int count = mapping == null ? 0 : (int) Math.min(length - done, mapping.lengthFrom(at));
      if (mapping == null
          || !isAllowed(mapping, contained, write)
          || !isThere(mapping, at, count, write)) {
        faults.add(new DmaFault(uuid, at, write, mapping != null));
        return false;
      }
      done += count;
    }
    for (long done = 0; done < length; ) {
      long at = iova + done;
      Mapping mapping = space.find(at);
      int count = (int) Math.min(length - done, mapping.lengthFrom(at));
      Pin pin = pin(mapping, at, count, write);
      if (write) {
        pin.write(0, bytes, (int) (start + done), count);
        space.written(at, count);
      } else {
        pin.read(0, bytes, (int) (start + done), count);
      }
      pin.release();
      done += count;
    }
    return true;
  }

  /**
   * vfio_iommu_type1_dma_rw_chunk() wants to read in any case, check_area_prot() of iommufd not.
   */
  private static boolean isAllowed(Mapping mapping, boolean contained, boolean write) {
    return (mapping.isReadable() || (write && !contained)) && (mapping.isWritable() || !write);
  }

  /** Mapping it has not shown whether the process has the memory at all. */
  private boolean isThere(Mapping mapping, long iova, int length, boolean write) {
    Pin pin = pin(mapping, iova, length, write);
    if (pin != null) {
      pin.release();
    }
    return pin != null;
  }

  private Pin pin(Mapping mapping, long iova, int length, boolean write) {
    return memory.pin(mapping.pages().address() + mapping.pagesOffset(iova), length, write);
  }
}
