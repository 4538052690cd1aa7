// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.vfio4j.device.MappedRegion;

/** The registers of a controller, by what they are for. */
final class Registers {
  private static final int CAP = 0x00;
  private static final int CC = 0x14;
  private static final int CSTS = 0x1c;
  private static final int AQA = 0x24;
  private static final int ASQ = 0x28;
  private static final int ACQ = 0x30;
  private static final int DOORBELLS = 0x1000;

  private static final int ENABLE = 1;
  private static final int ENTRY_SIZES = (6 << 16) | (4 << 20);
  private static final int READY = 1;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final MappedRegion bar;
  private final int doorbellStride;

  Registers(MappedRegion bar) {
    this.bar = bar;
    this.doorbellStride = 4 << (int) ((bar.getLongLe(CAP) >>> 32) & 0xf);
  }

  void disable() {
    bar.putIntLe(CC, 0);
    awaitReady(0);
  }

  void enable(QueuePair admin) {
    bar.putIntLe(AQA, ((admin.entries() - 1) << 16) | (admin.entries() - 1));
    bar.putLongLe(ASQ, admin.submissionIova());
    bar.putLongLe(ACQ, admin.completionIova());
    bar.putIntLe(CC, ENABLE | ENTRY_SIZES);
    awaitReady(READY);
  }

  void ringSubmission(int queue, int tail) {
    bar.putIntLe(DOORBELLS + 2 * queue * doorbellStride, tail);
  }

  void ringCompletion(int queue, int head) {
    bar.putIntLe(DOORBELLS + (2 * queue + 1) * doorbellStride, head);
  }

  private void awaitReady(int ready) {
    long giveUp = System.nanoTime() + PATIENCE.toNanos();
    while ((bar.getIntLe(CSTS) & READY) != ready) {
      if (System.nanoTime() > giveUp) {
        throw new NvmeException("the controller does not get " + (ready == 0 ? "idle" : "ready"));
      }
      LockSupport.parkNanos(100_000);
    }
  }
}
