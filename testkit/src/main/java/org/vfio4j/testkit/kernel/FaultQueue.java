// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.vfio4j.iommufd.uapi.IommufdUapi;

/** Page faults that wait to be read, and those that wait for an answer. */
final class FaultQueue extends IommufdObject {
  private final Deque<FaultGroup> pending = new ArrayDeque<>();
  private final TreeMap<Integer, FaultGroup> open = new TreeMap<>(Integer::compareUnsigned);

  FaultQueue(IommufdContext context) {
    super(context);
  }

  /** A page request: {@code struct iommu_fault_page_request}. */
  record Fault(int flags, int pasid, int group, int permissions, long address) {}

  /** Faults that get one answer. */
  static final class FaultGroup {
    private final Attachment attachment;
    private final List<Fault> faults;

    FaultGroup(Attachment attachment, List<Fault> faults) {
      this.attachment = attachment;
      this.faults = List.copyOf(faults);
    }

    Attachment attachment() {
      return attachment;
    }

    List<Fault> faults() {
      return faults;
    }
  }

  /** iommufd_fault_iopf_handler(). */
  void report(FaultGroup group) {
    pending.add(group);
    context().changed();
  }

  /** The oldest; null when nothing is pending. */
  FaultGroup first() {
    return pending.peek();
  }

  /**
   * Takes the oldest.
   *
   * @return what it is answered by
   */
  int take() {
    int cookie = 1;
    while (open.containsKey(cookie)) {
      cookie++;
    }
    open.put(cookie, pending.remove());
    return cookie;
  }

  /** Puts back what could not be told. */
  void putBack(int cookie) {
    pending.addFirst(open.remove(cookie));
  }

  /**
   * An answer.
   *
   * @return false when no such group is open
   */
  boolean answer(int cookie, int code) {
    FaultGroup group = open.remove(cookie);
    if (group == null) {
      return false;
    }
    group.attachment().device().endpoint().iommu().respond(group, code);
    return true;
  }

  /** iommufd_auto_response_faults(): what is open or pending of an attachment that ends. */
  void refuseAll(Attachment ended) {
    refuseAll(group -> group.attachment() == ended);
  }

  private void refuseAll(Predicate<FaultGroup> which) {
    List<FaultGroup> refused = new ArrayList<>();
    pending.stream().filter(which).forEach(refused::add);
    open.values().stream().filter(which).forEach(refused::add);
    pending.removeAll(refused);
    open.values().removeAll(refused);
    for (FaultGroup group : refused) {
      IommuDriver iommu = group.attachment().device().endpoint().iommu();
      iommu.respond(group, IommufdUapi.IOMMUFD_PAGE_RESP_INVALID);
    }
  }

  @Override
  void destroyed() {
    refuseAll(group -> true);
  }
}
