// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.IoPageTable;
import org.vfio4j.iommufd.PtId;

/**
 * That a device is attached. Ends with {@link #detach}, {@link #replace} or when the device is
 * closed; there is nothing to close here.
 *
 * <p>Thread safe.
 */
public final class Attachment {
  private final BoundDevice device;
  private final AttachedTo attachedTo;
  private final Object key;
  private final IoPageTable pageTable;
  private final PtId ptId;

  Attachment(
      BoundDevice device, AttachedTo attachedTo, Object key, IoPageTable pageTable, PtId ptId) {
    this.device = device;
    this.attachedTo = attachedTo;
    this.key = key;
    this.pageTable = pageTable;
    this.ptId = ptId;
  }

  public BoundDevice device() {
    return device;
  }

  /** What the program attached the device to. */
  public IoPageTable pageTable() {
    return pageTable;
  }

  /**
   * What the kernel attached the device to: the hardware page table that it made for the address
   * space or, for a mediated device, the address space itself.
   */
  public PtId ptId() {
    return ptId;
  }

  /** Whether the device is attached this way still. */
  public boolean isCurrent() {
    return attachedTo.isCurrent(this);
  }

  /**
   * Attaches the device to something else, without a moment in which it is attached to nothing
   * where the IOMMU can do that. If it fails, this attachment stays.
   *
   * @throws VfioException as {@link BoundDevice#attach}; {@link Reason#WRONG_STATE} when this
   *     attachment has ended
   */
  public Attachment replace(IoPageTable other) {
    return attachedTo.replace(this, other);
  }

  /**
   * Detaches the device: its DMA is blocked from here on.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}) when this attachment has ended
   */
  public void detach() {
    attachedTo.detach(this);
  }

  /** What {@link AttachedTo} knows this by. */
  Object key() {
    return key;
  }

  @Override
  public String toString() {
    return device + " attached to " + pageTable + (isCurrent() ? "" : " (ended)");
  }
}
