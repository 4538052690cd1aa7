// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

import java.time.Duration;
import org.vfio4j.device.Interrupts;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;

/** A submission queue and its completion queue, one command at a time, with a vector of its own. */
final class QueuePair implements AutoCloseable {
  private static final int ENTRIES = 16;
  private static final int SUBMISSION = 64;
  private static final int COMPLETION = 16;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** Of a status; what is above says whether to try again. */
  private static final int TYPE_AND_CODE = 0x7ff;

  private final Resources resources = new Resources();
  private final int id;
  private final Registers registers;
  private final Interrupts vectors;
  private final DmaBuffer submissions;
  private final DmaBuffer completions;
  private int tail;
  private int head;
  private int phase = 1;

  QueuePair(int id, Registers registers, Interrupts vectors, DmaSpace dma) {
    this.id = id;
    this.registers = registers;
    this.vectors = vectors;
    try {
      submissions = resources.add(dma.allocate(ENTRIES * SUBMISSION));
      completions = resources.add(dma.allocate(ENTRIES * COMPLETION));
    } catch (RuntimeException e) {
      resources.close();
      throw e;
    }
  }

  int entries() {
    return ENTRIES;
  }

  long submissionIova() {
    return submissions.iova();
  }

  long completionIova() {
    return completions.iova();
  }

  /** Runs a command to its end. */
  void run(Command command) {
    command.writeTo(submissions.memory(), tail * SUBMISSION, tail);
    int expected = tail;
    tail = (tail + 1) % ENTRIES;
    registers.ringSubmission(id, tail);
    if (vectors.await(id, PATIENCE) == 0) {
      throw new NvmeException("no interrupt for " + command);
    }
    int result = completions.memory().getIntLe(head * COMPLETION + 12);
    if (((result >>> 16) & 1) != phase || (result & 0xffff) != expected) {
      throw new NvmeException("no completion of " + command);
    }
    head = (head + 1) % ENTRIES;
    phase ^= head == 0 ? 1 : 0;
    registers.ringCompletion(id, head);
    int status = result >>> 17 & TYPE_AND_CODE;
    if (status != 0) {
      throw new NvmeException(String.format("%s was refused with status %#x", command, status));
    }
  }

  @Override
  public void close() {
    resources.close();
  }
}
