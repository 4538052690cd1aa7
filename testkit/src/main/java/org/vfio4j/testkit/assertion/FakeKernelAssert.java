// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.assertion;

import java.util.List;
import java.util.stream.Collectors;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.machine.Held;

/** What is expected of a fake kernel at this moment. */
public final class FakeKernelAssert {
  private final FakeKernel kernel;

  FakeKernelAssert(FakeKernel kernel) {
    this.kernel = kernel;
  }

  /** The program has given everything back. */
  public FakeKernelAssert holdsNothing() {
    List<Held> held = kernel.held();
    if (!held.isEmpty()) {
      AssertionError error =
          new AssertionError("nothing was to be held, and this is:" + lines(held));
      held.forEach(thing -> thing.takenAt().ifPresent(error::addSuppressed));
      throw error;
    }
    return this;
  }

  /** As many things of a kind are held. */
  public FakeKernelAssert holds(int count, Held.Kind kind) {
    List<Held> held = kernel.held().stream().filter(thing -> thing.kind() == kind).toList();
    return check(
        held.size() == count,
        "of " + kind + " " + count + " was to be held, and this is:" + lines(held));
  }

  /** Every device reached what it wanted to reach. */
  public FakeKernelAssert hadNoDmaFaults() {
    List<DmaFault> faults = kernel.dmaFaults();
    return check(faults.isEmpty(), "no DMA was to fail, and this did:" + lines(faults));
  }

  /** A device tried to reach this IOVA, among others perhaps, and could not. */
  public FakeKernelAssert hadDmaFaultAt(long iova) {
    List<DmaFault> faults = kernel.dmaFaults();
    return check(
        faults.stream().anyMatch(fault -> fault.iova() == iova),
        String.format("DMA at %#x was to fail, and this did:", iova) + lines(faults));
  }

  private static String lines(List<?> things) {
    return things.isEmpty()
        ? " nothing"
        : things.stream().map(thing -> "\n  " + thing).collect(Collectors.joining());
  }

  private FakeKernelAssert check(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
    return this;
  }
}
