// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;

/**
 * As much of an NVMe driver as reads and writes a block: the admin queue and one queue pair for
 * I/O, each with an MSI-X vector of its own. Numbers are those of the NVM Express base
 * specification.
 */
final class NvmeDriver implements AutoCloseable {
  private static final int CAP = 0x00;
  private static final int CC = 0x14;
  private static final int CSTS = 0x1c;
  private static final int AQA = 0x24;
  private static final int ASQ = 0x28;
  private static final int ACQ = 0x30;
  private static final int DOORBELLS = 0x1000;

  private static final int CC_EN = 1;
  private static final int CC_IOSQES_64_BYTES = 6 << 16;
  private static final int CC_IOCQES_16_BYTES = 4 << 20;
  private static final int CSTS_RDY = 1;

  private static final int ADMIN_CREATE_SQ = 0x01;
  private static final int ADMIN_CREATE_CQ = 0x05;
  private static final int ADMIN_IDENTIFY = 0x06;
  private static final int IO_WRITE = 0x01;
  private static final int IO_READ = 0x02;

  private static final int CNS_CONTROLLER = 1;
  private static final int CONTIGUOUS = 1;
  private static final int INTERRUPTS_ENABLED = 2;
  private static final int NAMESPACE = 1;

  private static final int ENTRIES = 16;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final DmaSpace space;
  private final MappedRegion registers;
  private final Interrupts vectors;
  private final int doorbellStride;
  private final QueuePair admin;
  private final QueuePair io;

  NvmeDriver(VfioDevice device, DmaSpace space) {
    this.space = space;
    device.config().enableBusMaster(true);
    registers = device.region(VfioPci.BAR0).map();
    vectors = device.interrupts(VfioPci.MSIX).enable(2);
    doorbellStride = 4 << (int) (registers.getLongLe(CAP) >>> 32 & 0xf);

    registers.putIntLe(CC, 0);
    awaitReady(0);
    admin = new QueuePair(0);
    registers.putIntLe(AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    registers.putLongLe(ASQ, admin.submissions.iova());
    registers.putLongLe(ACQ, admin.completions.iova());
    registers.putIntLe(CC, CC_EN | CC_IOSQES_64_BYTES | CC_IOCQES_16_BYTES);
    awaitReady(CSTS_RDY);

    io = new QueuePair(1);
    int sizeAndId = (ENTRIES - 1) << 16 | 1;
    admin.run(
        ADMIN_CREATE_CQ,
        0,
        io.completions.iova(),
        sizeAndId,
        1 << 16 | INTERRUPTS_ENABLED | CONTIGUOUS,
        0);
    admin.run(ADMIN_CREATE_SQ, 0, io.submissions.iova(), sizeAndId, 1 << 16 | CONTIGUOUS, 0);
  }

  /** Fills the first 4096 bytes of {@code page}. */
  void identifyController(DmaBuffer page) {
    admin.run(ADMIN_IDENTIFY, 0, page.iova(), CNS_CONTROLLER, 0, 0);
  }

  /** Writes one block of 512 bytes from the start of {@code page}. */
  void write(long block, DmaBuffer page) {
    io.run(IO_WRITE, NAMESPACE, page.iova(), (int) block, (int) (block >>> 32), 0);
  }

  /** Reads one block of 512 bytes to the start of {@code page}. */
  void read(long block, DmaBuffer page) {
    io.run(IO_READ, NAMESPACE, page.iova(), (int) block, (int) (block >>> 32), 0);
  }

  /** Text in a page, without the blanks that pad it. */
  static String text(DmaBuffer page, int offset, int length) {
    byte[] bytes = new byte[length];
    page.memory().read(offset, bytes, 0, length);
    return new String(bytes, StandardCharsets.US_ASCII).strip();
  }

  private void awaitReady(int ready) {
    long giveUp = System.nanoTime() + PATIENCE.toNanos();
    while ((registers.getIntLe(CSTS) & CSTS_RDY) != ready) {
      if (System.nanoTime() > giveUp) {
        throw new IllegalStateException("the controller does not get ready");
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** The controller stops before its queues go. */
  @Override
  public void close() {
    registers.putIntLe(CC, 0);
    awaitReady(0);
    io.close();
    admin.close();
    vectors.close();
    registers.close();
  }

  /** A submission queue, and the completion queue with the same number, one command at a time. */
  private final class QueuePair {
    private final int id;
    private final DmaBuffer submissions = space.allocate(4096);
    private final DmaBuffer completions = space.allocate(4096);
    private int tail;
    private int head;
    private int phase = 1;

    QueuePair(int id) {
      this.id = id;
    }

    void run(int opcode, int namespace, long prp1, int dword10, int dword11, int dword12) {
      int at = tail * 64;
      submissions.memory().fill(at, 64, (byte) 0);
      submissions.memory().putIntLe(at, tail << 16 | opcode);
      submissions.memory().putIntLe(at + 4, namespace);
      submissions.memory().putLongLe(at + 24, prp1);
      submissions.memory().putIntLe(at + 40, dword10);
      submissions.memory().putIntLe(at + 44, dword11);
      submissions.memory().putIntLe(at + 48, dword12);
      int command = tail;
      tail = (tail + 1) % ENTRIES;
      registers.putIntLe(DOORBELLS + 2 * id * doorbellStride, tail);

      if (vectors.await(id, PATIENCE) == 0) {
        throw new IllegalStateException("no interrupt from queue " + id);
      }
      int status = completions.memory().getIntLe(head * 16 + 12);
      if ((status >>> 16 & 1) != phase || (status & 0xffff) != command || status >>> 17 != 0) {
        throw new IllegalStateException(
            String.format("command %#x on queue %d completed with %#x", opcode, id, status));
      }
      head = (head + 1) % ENTRIES;
      if (head == 0) {
        phase ^= 1;
      }
      registers.putIntLe(DOORBELLS + (2 * id + 1) * doorbellStride, head);
    }

    void close() {
      submissions.close();
      completions.close();
    }
  }
}
