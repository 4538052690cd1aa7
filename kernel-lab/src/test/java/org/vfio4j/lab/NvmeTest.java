// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaBuffer;

/** A device that does something useful: queues in memory, DMA both ways, MSI-X by the hardware. */
class NvmeTest {
  /** More commands than the queues have entries, so that they wrap. */
  private static final int BLOCKS = 20;

  @EveryGroupMode
  void identifiesAndKeepsBlocks(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME);
        NvmeDriver nvme = new NvmeDriver(assigned.device(), assigned.dma());
        DmaBuffer page = assigned.dma().allocate(4096)) {
      nvme.identifyController(page);
      assertThat(page.memory().getShortLe(0)).as("vendor").isEqualTo((short) 0x1b36);
      assertThat(NvmeDriver.text(page, 4, 20)).as("serial number").isEqualTo("lab1");
      assertThat(NvmeDriver.text(page, 24, 40)).as("model").isEqualTo("QEMU NVMe Ctrl");

      int first = VfioMode.all().indexOf(mode) * BLOCKS;
      byte[] block = new byte[512];
      for (int i = 0; i < BLOCKS; i++) {
        Arrays.fill(block, (byte) (first + i));
        page.memory().write(0, block, 0, block.length);
        nvme.write(i, page);
      }
      byte[] read = new byte[512];
      for (int i = 0; i < BLOCKS; i++) {
        nvme.read(i, page);
        page.memory().read(0, read, 0, read.length);
        Arrays.fill(block, (byte) (first + i));
        assertThat(read).as("block %d", i).isEqualTo(block);
      }
    }
  }
}
