// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.dma.PageSize;
import org.vfio4j.memory.MappedMemory;

/** The device reaches what it was given, in the way it was given, for as long as it was. */
class ProtectionTest {
  private static final long IOVA = 0x10_0000;

  @EveryGroupMode
  void theDeviceReachesNothingElse(VfioMode mode) {
    MappedMemory memory = Memory.pages(4);
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      space.map(memory.address(), PAGE, IOVA, DmaAccess.READ);
      space.map(memory.address() + PAGE, PAGE, IOVA + PAGE, DmaAccess.WRITE);
      memory.fill(3 * PAGE, PAGE, (byte) 0x5a);
      space.map(memory.address() + 3 * PAGE, PAGE, IOVA + 3 * PAGE, DmaAccess.READ_WRITE);

      assertThat(probe.writes(IOVA, memory, 0)).as("writes what is to be read").isFalse();
      // Not asked: whether it reads what is to be written. VT-d lets it, as Linux drives it.
      assertThat(probe.writes(IOVA + 2 * PAGE, memory, 2 * PAGE)).as("not mapped").isFalse();
      byte[] guard = new byte[(int) PAGE];
      memory.read(3 * PAGE, guard, 0, guard.length);
      assertThat(guard).as("the page beside them").containsOnly(0x5a);
      assertThat(probe.writes(IOVA + 3 * PAGE, memory, 3 * PAGE)).isTrue();
    }
  }

  @EveryGroupMode
  void memoryIsOutOfReachOnceItIsUnmapped(VfioMode mode) {
    MappedMemory memory = Memory.pages(2);
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      space.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      assertThat(probe.writes(IOVA, memory, 0)).isTrue();
      space.unmap(IOVA, PAGE);
      assertThat(probe.writes(IOVA, memory, 0)).isFalse();
      // The IOVA leads to other memory now, the memory has another IOVA.
      space.map(memory.address() + PAGE, PAGE, IOVA, DmaAccess.READ_WRITE);
      space.map(memory.address(), PAGE, IOVA + PAGE, DmaAccess.READ_WRITE);
      assertThat(probe.writes(IOVA, memory, 0)).isFalse();
      assertThat(probe.writes(IOVA, memory, PAGE)).isTrue();
      assertThat(probe.writes(IOVA + PAGE, memory, 0)).isTrue();
    }
  }

  @EveryGroupMode
  void aClosedBufferIsOutOfReach(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      DmaBuffer closed = at(space, IOVA);
      assertThat(probe.writes(closed)).isTrue();
      closed.close();
      // Very likely of the pages that were just given back.
      try (DmaBuffer next = at(space, IOVA + PAGE)) {
        probe.write(IOVA);
        byte[] content = new byte[(int) next.size()];
        next.memory().read(0, content, 0, content.length);
        assertThat(content).containsOnly(0);
        assertThat(probe.writes(next)).isTrue();
      }
    }
  }

  private static DmaBuffer at(DmaSpace space, long iova) {
    return DmaBuffer.allocateAt(space, iova, PAGE, PageSize.NORMAL, DmaAccess.READ_WRITE);
  }
}
