// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

import org.vfio4j.memory.MappedMemory;

/**
 * A command.
 *
 * @param prp1 where the data is
 * @param prp2 where the second page of it is, or 0
 */
record Command(
    String name, int opcode, int namespace, long prp1, long prp2, int dw10, int dw11, int dw12) {
  static Command identify(int what, int namespace, long page) {
    return new Command("Identify", 0x06, namespace, page, 0, what, 0, 0);
  }

  static Command createCompletionQueue(int id, int entries, long iova, int vector) {
    int sizeAndId = ((entries - 1) << 16) | id;
    return new Command(
        "Create I/O Completion Queue", 0x05, 0, iova, 0, sizeAndId, (vector << 16) | 3, 0);
  }

  static Command createSubmissionQueue(int id, int entries, long iova) {
    int sizeAndId = ((entries - 1) << 16) | id;
    return new Command(
        "Create I/O Submission Queue", 0x01, 0, iova, 0, sizeAndId, (id << 16) | 1, 0);
  }

  static Command io(boolean write, long block, int count, long prp1, long prp2) {
    return new Command(
        write ? "Write" : "Read",
        write ? 0x01 : 0x02,
        1,
        prp1,
        prp2,
        (int) block,
        (int) (block >>> 32),
        count - 1);
  }

  void writeTo(MappedMemory queue, int at, int id) {
    queue.fill(at, 64, (byte) 0);
    queue.putIntLe(at, (id << 16) | opcode);
    queue.putIntLe(at + 4, namespace);
    queue.putLongLe(at + 24, prp1);
    queue.putLongLe(at + 32, prp2);
    queue.putIntLe(at + 40, dw10);
    queue.putIntLe(at + 44, dw11);
    queue.putIntLe(at + 48, dw12);
  }

  @Override
  public String toString() {
    return name;
  }
}
