// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.PageSize;

/**
 * An NVMe controller for a driver that makes mistakes: its registers, and commands whose status is
 * told, whatever it is. Without interrupts.
 */
final class RawNvme implements AutoCloseable {
  static final int CAP = 0x00;
  static final int CC = 0x14;
  static final int CSTS = 0x1c;
  static final int AQA = 0x24;
  static final int ASQ = 0x28;
  static final int ACQ = 0x30;
  static final int DOORBELLS = 0x1000;

  /** Enabled, with entries of 64 and of 16 bytes. */
  static final int ENABLE = 1 | 6 << 16 | 4 << 20;

  static final int ENTRIES = 16;

  /** Do not retry: a command that fails once fails always. */
  static final int DNR = 0x4000;

  private static final int STATUS_BITS = 0x7fff;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final AssignedDevice assigned;
  private final MappedRegion registers;

  /** Of 64 KiB each, so that they are aligned for every page size. */
  private final DmaBuffer[] submissions = new DmaBuffer[2];

  private final DmaBuffer[] completions = new DmaBuffer[2];
  private final int[] tails = new int[2];
  private final int[] heads = new int[2];
  private final int[] phases = new int[2];

  RawNvme() {
    assigned = AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, Lab.NVME);
    assigned.device().config().enableBusMaster(true);
    registers = assigned.device().region(VfioPci.BAR0).map();
    for (int i = 0; i < 2; i++) {
      submissions[i] = at(0x1000_0000L + i * 0x2_0000L);
      completions[i] = at(0x1001_0000L + i * 0x2_0000L);
    }
  }

  AssignedDevice assigned() {
    return assigned;
  }

  /** Memory of 64 KiB. */
  DmaBuffer at(long iova) {
    return DmaBuffer.allocateAt(
        assigned.dma(), iova, 0x1_0000, PageSize.NORMAL, DmaAccess.READ_WRITE);
  }

  long submissions(int queue) {
    return submissions[queue].iova();
  }

  long completions(int queue) {
    return completions[queue].iova();
  }

  MappedRegion registers() {
    return registers;
  }

  /** Stops, and starts with the queues of administration where they should be. */
  int start(int configuration) {
    return start(configuration, (ENTRIES - 1) << 16 | (ENTRIES - 1), submissions(0));
  }

  /** CSTS, once it says something. */
  int start(int configuration, int sizes, long queue) {
    stop();
    registers.putIntLe(AQA, sizes);
    registers.putLongLe(ASQ, queue);
    registers.putLongLe(ACQ, completions(0));
    registers.putIntLe(CC, configuration);
    for (long end = System.nanoTime() + PATIENCE.toNanos(); System.nanoTime() < end; ) {
      int status = registers.getIntLe(CSTS);
      if (status != 0) {
        return status;
      }
      LockSupport.parkNanos(1_000_000);
    }
    return 0;
  }

  void stop() {
    registers.putIntLe(CC, 0);
    for (int i = 0; i < 2; i++) {
      completions[i].memory().fill(0, 0x1_0000, (byte) 0);
      tails[i] = 0;
      heads[i] = 0;
      phases[i] = 1;
    }
  }

  /** A doorbell: of the submission queue with this number, or of the completion queue. */
  void ring(int queue, boolean completion, int value) {
    registers.putIntLe(DOORBELLS + (2 * queue + (completion ? 1 : 0)) * Integer.BYTES, value);
  }

  /** The queue pair 1. Its status. */
  int createIoQueues() {
    int cq = admin(0x05, 0, completions(1), (ENTRIES - 1) << 16 | 1, 1);
    return cq != 0 ? cq : admin(0x01, 0, submissions(1), (ENTRIES - 1) << 16 | 1, 1 << 16 | 1);
  }

  int admin(int opcode, int namespace, long prp1, int dword10, int dword11) {
    return run(0, opcode, namespace, prp1, 0, dword10, dword11, 0);
  }

  /** The status: 0, or code, type and {@link #DNR}. */
  int run(int queue, int opcode, int nsid, long prp1, long prp2, int d10, int d11, int d12) {
    int tail = tails[queue];
    put(queue, tail, opcode, nsid, prp1, prp2, d10, d11, d12);
    tails[queue] = (tail + 1) % ENTRIES;
    ring(queue, false, tails[queue]);
    return await(queue);
  }

  void put(
      int queue, int at, int opcode, int nsid, long prp1, long prp2, int d10, int d11, int d12) {
    int entry = at * 64;
    submissions[queue].memory().fill(entry, 64, (byte) 0);
    submissions[queue].memory().putIntLe(entry, at << 16 | opcode);
    submissions[queue].memory().putIntLe(entry + 4, nsid);
    submissions[queue].memory().putLongLe(entry + 24, prp1);
    submissions[queue].memory().putLongLe(entry + 32, prp2);
    submissions[queue].memory().putIntLe(entry + 40, d10);
    submissions[queue].memory().putIntLe(entry + 44, d11);
    submissions[queue].memory().putIntLe(entry + 48, d12);
  }

  /** Takes the next completion; -1 where none comes. */
  int await(int queue) {
    return await(queue, PATIENCE);
  }

  int await(int queue, Duration patience) {
    int at = heads[queue] * 16 + 12;
    for (long end = System.nanoTime() + patience.toNanos(); System.nanoTime() < end; ) {
      int status = completions[queue].memory().getIntLe(at);
      if ((status >>> 16 & 1) == phases[queue]) {
        heads[queue] = (heads[queue] + 1) % ENTRIES;
        phases[queue] ^= heads[queue] == 0 ? 1 : 0;
        ring(queue, true, heads[queue]);
        return status >>> 17 & STATUS_BITS;
      }
      LockSupport.parkNanos(100_000);
    }
    return -1;
  }

  @Override
  public void close() {
    stop();
    for (int i = 0; i < 2; i++) {
      submissions[i].close();
      completions[i].close();
    }
    registers.close();
    assigned.close();
  }
}
