// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.VfioPci;
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

  private static final int FATAL = 2;
  private static final int LAST_BLOCK = (64 << 20) / 512 - 1;

  // Commands of the admin queue, and for I/O.
  private static final int DELETE_SQ = 0;
  private static final int CREATE_SQ = 1;
  private static final int DELETE_CQ = 4;
  private static final int CREATE_CQ = 5;
  private static final int IDENTIFY = 6;
  private static final int ABORT = 8;
  private static final int SET_FEATURES = 9;
  private static final int FLUSH = 0;
  private static final int WRITE = 1;
  private static final int READ = 2;

  // What they end with.
  private static final int INVALID_OPCODE = RawNvme.DNR | 0x01;
  private static final int INVALID_FIELD = RawNvme.DNR | 0x02;
  private static final int DATA_TRANSFER_ERROR = RawNvme.DNR | 0x04;
  private static final int INVALID_NAMESPACE = RawNvme.DNR | 0x0b;
  private static final int SEQUENCE_ERROR = RawNvme.DNR | 0x0c;
  private static final int INVALID_PRP_OFFSET = RawNvme.DNR | 0x13;
  private static final int LBA_OUT_OF_RANGE = RawNvme.DNR | 0x80;
  private static final int INVALID_CQ = RawNvme.DNR | 0x100;
  private static final int INVALID_QUEUE_ID = RawNvme.DNR | 0x101;
  private static final int INVALID_QUEUE_SIZE = RawNvme.DNR | 0x102;
  private static final int INVALID_VECTOR = RawNvme.DNR | 0x108;
  private static final int INVALID_DELETION = 0x10c;

  @Test
  @Tag("lab")
  void startsOnlyAsItCan() {
    try (RawNvme nvme = new RawNvme()) {
      int sizes = (RawNvme.ENTRIES - 1) << 16 | (RawNvme.ENTRIES - 1);
      long queue = nvme.submissions(0);
      assertThat(nvme.start(RawNvme.ENABLE)).isEqualTo(1);
      assertThat(nvme.start(1)).as("entries of 1 byte").isEqualTo(FATAL);
      assertThat(nvme.start(1 | 7 << 16 | 4 << 20)).as("of 128 bytes").isEqualTo(FATAL);
      assertThat(nvme.start(1 | 6 << 16 | 5 << 20)).as("of 32 bytes").isEqualTo(FATAL);
      assertThat(nvme.start(RawNvme.ENABLE | 1 << 4)).as("another command set").isEqualTo(FATAL);
      assertThat(nvme.start(RawNvme.ENABLE | 4 << 7)).as("pages of 64 KiB").isEqualTo(1);
      assertThat(nvme.start(RawNvme.ENABLE | 5 << 7)).as("of 128 KiB").isEqualTo(FATAL);
      assertThat(nvme.start(RawNvme.ENABLE, 0, queue)).as("queues of one").isEqualTo(FATAL);
      assertThat(nvme.start(RawNvme.ENABLE, sizes, queue + 64)).as("misaligned").isEqualTo(FATAL);
      assertThat(nvme.registers().getLongLe(RawNvme.ASQ)).isEqualTo(queue + 64);
      int pages = 1 << 7;
      assertThat(nvme.start(RawNvme.ENABLE | pages, sizes, queue + 4096)).isEqualTo(FATAL);
      nvme.stop();
      assertThat(nvme.registers().getIntLe(RawNvme.CSTS)).isZero();
      assertThat(nvme.start(RawNvme.ENABLE)).isEqualTo(1);
    }
  }

  @Test
  @Tag("lab")
  void queuesThatCannotBe() {
    try (RawNvme nvme = new RawNvme()) {
      long cq = nvme.completions(1);
      long sq = nvme.submissions(1);
      int sized = (RawNvme.ENTRIES - 1) << 16;
      int larger = 0x800 << 16;
      int contiguous = 1;
      nvme.start(RawNvme.ENABLE);
      assertThat(features(nvme, 0xffff)).isEqualTo(INVALID_FIELD);
      assertThat(features(nvme, 0x10001)).isZero();

      assertThat(nvme.admin(CREATE_CQ, 0, cq, sized, contiguous)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(CREATE_CQ, 0, cq, sized | 65, contiguous)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(CREATE_CQ, 0, cq, 1, contiguous)).isEqualTo(INVALID_QUEUE_SIZE);
      assertThat(nvme.admin(CREATE_CQ, 0, cq, larger | 1, 1)).isEqualTo(INVALID_QUEUE_SIZE);
      assertThat(nvme.admin(CREATE_CQ, 0, cq + 64, sized | 1, 1)).isEqualTo(INVALID_PRP_OFFSET);
      assertThat(nvme.admin(CREATE_CQ, 0, cq, sized | 1, 0)).isEqualTo(INVALID_FIELD);
      assertThat(nvme.admin(CREATE_CQ, 0, cq, sized | 1, 1 << 16 | 1))
          .as("a vector without MSI-X")
          .isEqualTo(INVALID_VECTOR);

      int toFirst = 1 << 16 | contiguous;
      assertThat(nvme.admin(CREATE_SQ, 0, sq, sized | 1, toFirst)).isEqualTo(INVALID_CQ);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, sized | 1, contiguous)).isEqualTo(INVALID_CQ);
      assertThat(nvme.createIoQueues()).isZero();
      assertThat(features(nvme, 0x10001)).as("too late").isEqualTo(SEQUENCE_ERROR);
      assertThat(nvme.admin(CREATE_CQ, 0, cq, sized | 1, 1)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, sized | 1, toFirst)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, sized, toFirst)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, sized | 65, toFirst)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, 2, toFirst)).isEqualTo(INVALID_QUEUE_SIZE);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, larger | 2, toFirst)).isEqualTo(INVALID_QUEUE_SIZE);
      assertThat(nvme.admin(CREATE_SQ, 0, sq + 64, sized | 2, toFirst))
          .isEqualTo(INVALID_PRP_OFFSET);
      assertThat(nvme.admin(CREATE_SQ, 0, sq, sized | 2, 1 << 16)).isEqualTo(INVALID_FIELD);

      assertThat(nvme.admin(DELETE_CQ, 0, 0, 1, 0)).as("in use").isEqualTo(INVALID_DELETION);
      assertThat(nvme.admin(DELETE_CQ, 0, 0, 0, 0)).isEqualTo(INVALID_CQ);
      assertThat(nvme.admin(DELETE_CQ, 0, 0, 9, 0)).isEqualTo(INVALID_CQ);
      assertThat(nvme.admin(DELETE_SQ, 0, 0, 0, 0)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(DELETE_SQ, 0, 0, 9, 0)).isEqualTo(INVALID_QUEUE_ID);
      assertThat(nvme.admin(ABORT, 0, 0, 9, 0)).isEqualTo(INVALID_FIELD);
      assertThat(nvme.admin(ABORT, 0, 0, 1, 0)).isZero();
      assertThat(nvme.admin(0xff, 0, 0, 0, 0)).isEqualTo(INVALID_OPCODE);
      assertThat(nvme.admin(DELETE_SQ, 0, 0, 1, 0)).isZero();
      assertThat(nvme.admin(DELETE_CQ, 0, 0, 1, 0)).isZero();
      try (Interrupts vectors = nvme.assigned().device().interrupts(VfioPci.MSIX).enable(1)) {
        assertThat(vectors.vectors()).isEqualTo(1);
        assertThat(nvme.admin(CREATE_CQ, 0, cq, sized | 1, 65 << 16 | 1)).isEqualTo(INVALID_VECTOR);
        assertThat(nvme.admin(CREATE_CQ, 0, cq, sized | 1, 64 << 16 | 1)).isZero();
      }
    }
  }

  /** Numbers of queues that the driver wants. */
  private static int features(RawNvme nvme, int wanted) {
    return nvme.admin(SET_FEATURES, 0, 0, 7, wanted);
  }

  @Test
  @Tag("lab")
  void commandsThatCannotBe() {
    try (RawNvme nvme = new RawNvme();
        DmaBuffer memory = nvme.at(0x2000_0000L)) {
      long page = memory.iova();
      nvme.start(RawNvme.ENABLE);
      assertThat(nvme.createIoQueues()).isZero();
      memory.memory().fill(0, 4096, (byte) 1);
      assertThat(nvme.admin(IDENTIFY, 2, page, 0, 0)).as("no such namespace").isZero();
      assertThat(memory.memory().getLongLe(0)).isZero();
      for (int nobody : new int[] {0, 257, -1}) {
        assertThat(nvme.admin(IDENTIFY, nobody, page, 0, 0)).isEqualTo(INVALID_NAMESPACE);
      }
      assertThat(nvme.admin(IDENTIFY, -2, page, 2, 0)).isEqualTo(INVALID_NAMESPACE);
      assertThat(nvme.admin(IDENTIFY, 0, page, 0x77, 0)).isEqualTo(INVALID_FIELD);
      assertThat(nvme.run(0, IDENTIFY, 0, page + 64, page + 8192 + 64, 1, 0, 0))
          .isEqualTo(INVALID_PRP_OFFSET);

      assertThat(read(nvme, 1, page, 0, 0, 0)).isZero();
      assertThat(read(nvme, 0, page, 0, 0, 0)).isEqualTo(INVALID_NAMESPACE);
      assertThat(read(nvme, 257, page, 0, 0, 0)).isEqualTo(INVALID_NAMESPACE);
      assertThat(read(nvme, 2, page, 0, 0, 0)).isEqualTo(INVALID_FIELD);
      assertThat(read(nvme, -1, page, 0, 0, 0)).isEqualTo(INVALID_FIELD);
      assertThat(nvme.run(1, FLUSH, -1, 0, 0, 0, 0, 0)).isZero();
      assertThat(nvme.run(1, FLUSH, 1, 0, 0, 0, 0, 0)).isZero();
      assertThat(nvme.run(1, FLUSH, 2, 0, 0, 0, 0, 0)).isEqualTo(INVALID_FIELD);
      assertThat(nvme.run(1, FLUSH, 0, 0, 0, 0, 0, 0)).isEqualTo(INVALID_NAMESPACE);
      assertThat(nvme.run(1, 0x7f, 1, 0, 0, 0, 0, 0)).isEqualTo(INVALID_OPCODE);

      assertThat(read(nvme, 1, page, 0, LAST_BLOCK, 1)).isZero();
      assertThat(read(nvme, 1, page, 0, LAST_BLOCK + 1, 1)).isEqualTo(LBA_OUT_OF_RANGE);
      assertThat(read(nvme, 1, page, 0, LAST_BLOCK, 2)).isEqualTo(LBA_OUT_OF_RANGE);
      assertThat(nvme.run(1, READ, 1, page, 0, -1, -1, 0)).isEqualTo(LBA_OUT_OF_RANGE);
      assertThat(read(nvme, 1, page, 0, 0, 1025)).as("too much").isEqualTo(INVALID_FIELD);

      assertThat(read(nvme, 1, page, page + 4096 + 64, 0, 16)).isEqualTo(INVALID_PRP_OFFSET);
      memory.memory().putLongLe(0x8000, page);
      memory.memory().putLongLe(0x8008, page + 64);
      assertThat(read(nvme, 1, page, page + 0x8000, 0, 24)).isEqualTo(INVALID_PRP_OFFSET);
      assertThat(read(nvme, 1, page, 0x6000_0000L, 0, 24)).isEqualTo(DATA_TRANSFER_ERROR);
    }
  }

  private static int read(RawNvme nvme, int namespace, long prp1, long prp2, int block, int count) {
    return nvme.run(1, READ, namespace, prp1, prp2, block, 0, Math.max(0, count - 1));
  }

  /** Nobody hears of it: the next command is done as if nothing had been. */
  @Test
  @Tag("lab")
  void doorbellsOfNothing() {
    try (RawNvme nvme = new RawNvme();
        DmaBuffer memory = nvme.at(0x2000_0000L)) {
      nvme.start(RawNvme.ENABLE);
      nvme.ring(1, false, 1);
      assertThat(nvme.createIoQueues()).isZero();
      nvme.ring(1, false, RawNvme.ENTRIES);
      nvme.ring(1, true, RawNvme.ENTRIES);
      nvme.ring(9, false, 1);
      nvme.ring(9, true, 1);
      nvme.ring(70, false, 1);
      assertThat(nvme.registers().getIntLe(RawNvme.CSTS)).isEqualTo(1);
      assertThat(read(nvme, 1, memory.iova(), 0, 0, 1)).isZero();
      // Only 16 bits are a place in a queue.
      nvme.put(1, 1, READ, 1, memory.iova(), 0, 0, 0, 0);
      nvme.ring(1, false, 0x1_0002);
      assertThat(nvme.await(1)).isZero();
    }
  }

  /** The page that addresses of data are of is the one that the driver chose. */
  @Test
  @Tag("lab")
  void pagesOf64KiB() {
    try (RawNvme nvme = new RawNvme();
        DmaBuffer memory = nvme.at(0x2000_0000L)) {
      long page = memory.iova();
      assertThat(nvme.start(RawNvme.ENABLE | 4 << 7)).isEqualTo(1);
      assertThat(nvme.createIoQueues()).isZero();
      int sized = (RawNvme.ENTRIES - 1) << 16;
      assertThat(nvme.admin(CREATE_CQ, 0, nvme.completions(1) + 4096, sized | 2, 1))
          .isEqualTo(INVALID_PRP_OFFSET);
      memory.memory().fill(0, 0x4000, (byte) 0x55);
      assertThat(nvme.run(1, WRITE, 1, page, 0, 0x1000, 0, 31)).isZero();
      memory.memory().fill(0, 0x8000, (byte) 0);
      assertThat(read(nvme, 1, page, 0, 0x1000, 32)).isZero();
      assertThat(memory.memory().getIntLe(0x3ffc)).isEqualTo(0x5555_5555);
      assertThat(memory.memory().getIntLe(0x4000)).isZero();
      assertThat(read(nvme, 1, page + 0xf000, page + 0x1000, 0, 16)).isEqualTo(INVALID_PRP_OFFSET);
      assertThat(read(nvme, 1, page + 0xf000, page, 0x1000, 16)).isZero();
      assertThat(memory.memory().getIntLe(0xf000)).isEqualTo(0x5555_5555);
      assertThat(memory.memory().getIntLe(0)).isEqualTo(0x5555_5555);
    }
  }
}
