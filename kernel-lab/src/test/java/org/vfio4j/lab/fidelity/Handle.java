// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;

/**
 * What a call makes, or what was there before: a descriptor, an id, an IOVA, memory. Its value may
 * be another one on each kernel.
 *
 * <p>Beside the name it keeps what generators want to know of it; what is kept has no meaning when
 * a sequence is repeated.
 */
public final class Handle {
  private static final int RANGES_KEPT = 24;

  private final String kind;
  private final String name;
  private final int slot;
  private final List<Range> ranges = new ArrayList<>();
  private Handle owner;
  private Handle partner;
  private boolean isOpen;
  private boolean isDescriptor;
  private boolean isKept;
  private int state;

  /**
   * A range of IOVAs that is, or was, mapped.
   *
   * @param memory what is there; null where nobody noted it
   */
  public record Range(Argument iova, long length, Argument memory) {}

  Handle(String kind, int number, int slot) {
    this.kind = kind;
    this.name = kind + number;
    this.slot = slot;
  }

  public String kind() {
    return kind;
  }

  int slot() {
    return slot;
  }

  /** Whether the call that makes it succeeded, and nothing has ended it since. */
  public boolean isOpen() {
    return isOpen;
  }

  void open() {
    isOpen = true;
  }

  boolean isDescriptor() {
    return isDescriptor;
  }

  void descriptor() {
    isDescriptor = true;
  }

  /** Whether it must not be closed as it is now. */
  boolean isKept() {
    return isKept;
  }

  public void keep(boolean wanted) {
    isKept = wanted;
  }

  /** It is gone; calls may use it still. */
  public void end() {
    isOpen = false;
  }

  /** What it belongs to: the iommufd of an IOAS. Null unless set. */
  public Handle owner() {
    return owner;
  }

  public Handle ownedBy(Handle whole) {
    owner = whole;
    return this;
  }

  /**
   * What it was last connected with: the container of a group, or that of a device's group when the
   * device was opened; the device of a mapping. Null unless set.
   */
  public Handle partner() {
    return partner;
  }

  public void partner(Handle other) {
    partner = other;
  }

  /** Whatever the generator counts or notes; 0 at first. */
  public int state() {
    return state;
  }

  public void state(int value) {
    state = value;
  }

  /** Of an address space: what was mapped lately. */
  public List<Range> ranges() {
    return ranges;
  }

  public void mapped(Argument iova, long length) {
    mapped(iova, length, null);
  }

  public void mapped(Argument iova, long length, Argument memory) {
    if (ranges.size() == RANGES_KEPT) {
      ranges.remove(0);
    }
    ranges.add(new Range(iova, length, memory));
  }

  @Override
  public String toString() {
    return name;
  }
}
