// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.memory.MappedMemory;

/** Which IOVAs there are, and how they are chosen. */
class IovaRangesTest {
  private static final List<IovaRange> VT_D =
      List.of(
          new IovaRange(0, 0xfedf_ffffL), new IovaRange(0xfef0_0000L, IovaRange.bits(39).last()));

  @EveryGroupMode
  void areTheSame(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      assertThat(edu.dma().allowedIovas()).isEqualTo(VT_D);
      assertThat(edu.dma().iovaAlignment()).isEqualTo(PAGE);
    }
  }

  @EveryGroupMode
  void areUsedAgain(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      DmaSpace space = edu.dma();
      MappedMemory memory = Memory.pages(2);
      long first = space.map(memory.address(), PAGE, DmaAccess.READ_WRITE);
      long highest = 0;
      for (int i = 0; i < 1000; i++) {
        long iova = space.map(memory.address(), 2 * PAGE, DmaAccess.READ_WRITE);
        highest = Math.max(highest, iova);
        assertThat(space.unmap(iova, 2 * PAGE)).isEqualTo(2 * PAGE);
      }
      assertThat(highest).isLessThan(first + 16 * PAGE);
    }
  }

  @EveryGroupMode
  void areLowEnoughForADeviceOf28Bits(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu);
        DmaBuffer large = edu.dma().allocate(1 << 20);
        DmaBuffer small = edu.dma().allocate(1)) {
      assertThat(IovaRange.bits(28).contains(large.iova(), large.size())).isTrue();
      assertThat(IovaRange.bits(28).contains(small.iova(), small.size())).isTrue();
      assertThat(small.size()).isEqualTo(PAGE);
      assertThat(probe.writes(large.iova() + (1 << 20) - PAGE, large.memory(), (1 << 20) - PAGE))
          .isTrue();
      assertThat(probe.writes(small)).isTrue();
    }
  }

  /** Where the kernel does not choose, this library does, and others may map in the container. */
  @ParameterizedTest
  @EnumSource(IommuType.class)
  @Tag("lab")
  @Tag("lab-group")
  void areChosenAroundWhatOthersHaveMapped(IommuType type) {
    MappedMemory memory = Memory.pages(4);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu ours = container.setIommu(type);
        VfioContainer same = VfioContainer.adopt(Lab.KERNEL, container.duplicateFd());
        Type1Iommu theirs = same.adoptIommu(type)) {
      theirs.map(memory.address(), 2 * PAGE, PAGE, DmaAccess.READ);
      theirs.map(memory.address(), 4 * PAGE, 5 * PAGE, DmaAccess.READ);
      long first = ours.map(memory.address(), 2 * PAGE, DmaAccess.READ);
      long second = ours.map(memory.address(), 2 * PAGE, DmaAccess.READ);
      assertThat(first).isNotEqualTo(second);
      assertThat(ours.unmapAll()).isEqualTo(10 * PAGE);
    }
  }
}
