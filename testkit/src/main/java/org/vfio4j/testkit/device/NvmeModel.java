// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * {@code nvme} of QEMU, as far as a driver needs it that reads and writes blocks: the controller's
 * registers, the admin queue, Identify, Get and Set Features, queues for I/O, and Flush, Write and
 * Read with physical region pages.
 *
 * <p>Commands are done when the write of the doorbell returns. Where the controller cannot reach
 * its queues it stops with a fatal status, as the specification has it; data that it cannot reach
 * ends the command with an error, where QEMU says nothing. Sources: the NVM Express base
 * specification, and QEMU 7.2 for what is left to the implementation and for all errors.
 */
public final class NvmeModel implements DeviceModel {
  /** In bytes. */
  public static final int BLOCK = 512;

  private static final int PAGE = 4096;
  private static final int MOST_PAGE_BITS = 4;
  private static final int MOST_TRANSFER_BITS = 7;
  private static final int VECTORS = 65;
  private static final int MOST_QUEUES = 64;
  private static final int MOST_ENTRIES = 2048;

  /** The one that is there is the first. */
  private static final int MOST_NAMESPACES = 256;

  private static final int EVERY_NAMESPACE = -1;

  // Registers of the controller.
  private static final int CAP = 0x00;
  private static final int VS = 0x08;
  private static final int INTMS = 0x0c;
  private static final int INTMC = 0x10;
  private static final int CC = 0x14;
  private static final int CSTS = 0x1c;
  private static final int AQA = 0x24;
  private static final int ASQ = 0x28;
  private static final int ACQ = 0x30;
  private static final int REGISTERS = 0x40;
  private static final int DOORBELLS = 0x1000;
  private static final int BAR_SIZE = 16 * 1024;

  /** Queues of 2048 entries, contiguous; 7.5 s to get ready; pages of 4 KiB to 64 KiB. */
  private static final long CAPABILITIES =
      0x7ffL | (1L << 16) | (0xfL << 24) | (1L << 37) | (4L << 52);

  private static final int VERSION_1_4 = 0x0001_0400;
  private static final int ENABLE = 1;
  private static final int SHUTDOWN = 3 << 14;
  private static final int READY = 1;
  private static final int FATAL = 1 << 1;
  private static final int SHUTDOWN_DONE = 2 << 2;

  private static final int SUBMISSION_BITS = 6;
  private static final int COMPLETION_BITS = 4;
  private static final int SUBMISSION = 1 << SUBMISSION_BITS;
  private static final int COMPLETION = 1 << COMPLETION_BITS;

  // Commands of the admin queue.
  private static final int DELETE_SQ = 0x00;
  private static final int CREATE_SQ = 0x01;
  private static final int DELETE_CQ = 0x04;
  private static final int CREATE_CQ = 0x05;
  private static final int IDENTIFY = 0x06;
  private static final int ABORT = 0x08;
  private static final int SET_FEATURES = 0x09;
  private static final int GET_FEATURES = 0x0a;
  private static final int NUMBER_OF_QUEUES = 0x07;

  // Commands for I/O.
  private static final int FLUSH = 0x00;
  private static final int WRITE = 0x01;
  private static final int READ = 0x02;

  // Status: type and code, and that it is no use to try again.
  private static final int SUCCESS = 0;
  private static final int INVALID_OPCODE = 0x01;
  private static final int INVALID_FIELD = 0x02;
  private static final int DATA_TRANSFER_ERROR = 0x04;
  private static final int INVALID_NAMESPACE = 0x0b;
  private static final int SEQUENCE_ERROR = 0x0c;
  private static final int INVALID_PRP_OFFSET = 0x13;
  private static final int LBA_OUT_OF_RANGE = 0x80;
  private static final int INVALID_CQ = 0x100;
  private static final int INVALID_QUEUE_ID = 0x101;
  private static final int INVALID_QUEUE_SIZE = 0x102;
  private static final int INVALID_VECTOR = 0x108;
  private static final int INVALID_DELETION = 0x10c;
  private static final int DO_NOT_RETRY = 0x4000;

  private final PciFunction function =
      PciFunction.of(0x1b36, 0x0010)
          .classCode(0x010802)
          .revision(2)
          .subsystem(0x1af4, 0x1100)
          .bar(0, BAR_SIZE, Space.MEMORY_64)
          .interruptPin()
          .express()
          .powerManagement()
          .resettable()
          .msix(VECTORS, 0, 0x2000, 0x3000);

  private final String serial;
  private final long blocks;

  /** Of the medium, the pages that were ever written. */
  private final Map<Long, byte[]> medium = new HashMap<>();

  private final ByteBuffer registers =
      ByteBuffer.allocate(REGISTERS).order(ByteOrder.LITTLE_ENDIAN);
  private final Map<Integer, SubmissionQueue> submissions = new TreeMap<>();
  private final Map<Integer, CompletionQueue> completions = new TreeMap<>();
  private DeviceBus bus;
  private int maskedVectors;

  /** What the driver chose, in bytes. */
  private int pageSize = PAGE;

  /** Whether there were queues for I/O since the start. */
  private boolean hadQueues;

  /**
   * A controller with one namespace.
   *
   * @param serial up to 20 ASCII characters
   * @param size of the namespace in bytes, a multiple of {@link #BLOCK}
   */
  public NvmeModel(String serial, long size) {
    if (serial.length() > 20 || size <= 0 || size % BLOCK != 0) {
      throw new IllegalArgumentException("serial number '" + serial + "', " + size + " bytes");
    }
    this.serial = serial;
    this.blocks = size / BLOCK;
    reset();
  }

  /**
   * Adds virtual functions, which read and write blocks of their own.
   *
   * @param total how many there can be
   */
  public NvmeModel withVirtualFunctions(int total) {
    function.virtualFunctions(total, number -> new NvmeModel(serial, blocks * BLOCK));
    return this;
  }

  private static final class SubmissionQueue {
    private final int id;
    private final long base;
    private final int entries;
    private final CompletionQueue completion;
    private int head;
    private int tail;

    SubmissionQueue(int id, long base, int entries, CompletionQueue completion) {
      this.id = id;
      this.base = base;
      this.entries = entries;
      this.completion = completion;
    }
  }

  private static final class CompletionQueue {
    private final long base;
    private final int entries;
    private final int vector;
    private final boolean interrupts;
    private int head;
    private int tail;
    private int phase = 1;

    CompletionQueue(long base, int entries, int vector, boolean interrupts) {
      this.base = base;
      this.entries = entries;
      this.vector = vector;
      this.interrupts = interrupts;
    }

    boolean isFull() {
      return (tail + 1) % entries == head;
    }

    boolean isEmpty() {
      return tail == head;
    }
  }

  @Override
  public PciFunction function() {
    return function;
  }

  @Override
  public void connect(DeviceBus deviceBus) {
    bus = deviceBus;
  }

  @Override
  public void reset() {
    stop();
    Arrays.fill(registers.array(), (byte) 0);
    registers.putLong(CAP, CAPABILITIES);
    registers.putInt(VS, VERSION_1_4);
  }

  /** No queues any more; what the medium has stays. */
  private void stop() {
    submissions.clear();
    completions.clear();
    maskedVectors = 0;
    registers.putInt(CSTS, 0);
    updateLine();
  }

  @Override
  public long read(int bar, long offset, int width) {
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      // Doorbells, and what is between, read as 0.
      int part = offset + i < REGISTERS ? registers.get((int) offset + i) & 0xff : 0;
      value = (value << Byte.SIZE) | part;
    }
    return value;
  }

  @Override
  public void write(int bar, long offset, int width, long value) {
    if (width < Integer.BYTES) {
      return;
    }
    if (offset >= DOORBELLS) {
      if (offset < DOORBELLS + 2L * Integer.BYTES * (MOST_QUEUES + 1)) {
        doorbell((int) (offset - DOORBELLS) / Integer.BYTES, (int) value & 0xffff);
      }
      return;
    }
    switch ((int) offset) {
      case INTMS -> mask(maskedVectors | (int) value);
      case INTMC -> mask(maskedVectors & ~(int) value);
      case CC -> configure((int) value);
      case AQA -> registers.putInt(AQA, (int) value);
      case ASQ, ACQ -> putAddress((int) offset, width, value);
      case ASQ + 4, ACQ + 4 -> registers.putInt((int) offset, (int) value);
      default -> {}
    }
  }

  private void putAddress(int offset, int width, long value) {
    if (width == Long.BYTES) {
      registers.putLong(offset, value);
    } else {
      registers.putInt(offset, (int) value);
    }
  }

  private void mask(int vectors) {
    if (!bus.isMessageSignalled()) {
      maskedVectors = vectors;
      registers.putInt(INTMS, vectors);
      registers.putInt(INTMC, vectors);
      updateLine();
    }
  }

  private void configure(int value) {
    int before = registers.getInt(CC);
    registers.putInt(CC, value);
    if ((value & ENABLE) != 0 && (before & ENABLE) == 0) {
      start();
    } else if ((value & ENABLE) == 0 && (before & ENABLE) != 0) {
      stop();
    }
    if ((value & SHUTDOWN) != 0 && (before & SHUTDOWN) == 0) {
      registers.putInt(CSTS, registers.getInt(CSTS) | SHUTDOWN_DONE);
    }
  }

  private void start() {
    int sizes = registers.getInt(AQA);
    int submissionEntries = (sizes & 0xfff) + 1;
    int completionEntries = ((sizes >>> 16) & 0xfff) + 1;
    int configured = registers.getInt(CC);
    int pageBits = (configured >>> 7) & 0xf;
    pageSize = PAGE << pageBits;
    boolean supported =
        ((configured >>> 4) & 7) == 0
            && pageBits <= MOST_PAGE_BITS
            && ((configured >>> 16) & 0xf) == SUBMISSION_BITS
            && ((configured >>> 20) & 0xf) == COMPLETION_BITS
            && submissionEntries > 1
            && completionEntries > 1
            && isPage(registers.getLong(ASQ))
            && isPage(registers.getLong(ACQ));
    if (!supported) {
      fail();
      return;
    }
    hadQueues = false;
    CompletionQueue completion =
        new CompletionQueue(registers.getLong(ACQ), completionEntries, 0, true);
    completions.put(0, completion);
    submissions.put(
        0, new SubmissionQueue(0, registers.getLong(ASQ), submissionEntries, completion));
    registers.putInt(CSTS, READY);
  }

  private boolean isPage(long iova) {
    return iova % pageSize == 0;
  }

  private void fail() {
    registers.putInt(CSTS, registers.getInt(CSTS) | FATAL);
  }

  private boolean isRunning() {
    return (registers.getInt(CSTS) & (READY | FATAL)) == READY;
  }

  private void doorbell(int index, int value) {
    if (!isRunning()) {
      return;
    }
    int id = index / 2;
    if (index % 2 == 0) {
      SubmissionQueue queue = submissions.get(id);
      if (queue != null && value < queue.entries) {
        queue.tail = value;
      }
    } else {
      CompletionQueue queue = completions.get(id);
      if (queue != null && value < queue.entries) {
        queue.head = value;
        updateLine();
      }
    }
    // A place in a completion queue may be what a command waits for.
    for (SubmissionQueue queue : submissions.values().toArray(SubmissionQueue[]::new)) {
      work(queue);
    }
  }

  private void work(SubmissionQueue queue) {
    while (isRunning()
        && submissions.get(queue.id) == queue
        && queue.head != queue.tail
        && !queue.completion.isFull()) {
      byte[] bytes = new byte[SUBMISSION];
      if (!bus.readMemory(queue.base + (long) queue.head * SUBMISSION, bytes, 0, SUBMISSION)) {
        fail();
        return;
      }
      queue.head = (queue.head + 1) % queue.entries;
      Command command = new Command(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
      int status = queue.id == 0 ? administer(command) : transfer(command);
      complete(queue, command, status);
    }
  }

  private void complete(SubmissionQueue queue, Command command, int status) {
    CompletionQueue completion = queue.completion;
    ByteBuffer entry = ByteBuffer.allocate(COMPLETION).order(ByteOrder.LITTLE_ENDIAN);
    entry.putInt(0, command.result);
    entry.putShort(8, (short) queue.head);
    entry.putShort(10, (short) queue.id);
    entry.putShort(12, (short) command.id());
    boolean isFinal = status != SUCCESS && status != INVALID_DELETION;
    int told = isFinal ? status | DO_NOT_RETRY : status;
    entry.putShort(14, (short) ((told << 1) | completion.phase));
    long at = completion.base + (long) completion.tail * COMPLETION;
    if (!bus.writeMemory(at, entry.array(), 0, COMPLETION)) {
      fail();
      return;
    }
    completion.tail = (completion.tail + 1) % completion.entries;
    if (completion.tail == 0) {
      completion.phase ^= 1;
    }
    if (!completion.interrupts) {
      return;
    }
    if (bus.isMessageSignalled()) {
      bus.message(completion.vector);
    } else {
      updateLine();
    }
  }

  /** The line is up while a queue that interrupts has something, and its vector is not masked. */
  private void updateLine() {
    if (bus == null || bus.isMessageSignalled()) {
      return;
    }
    bus.line(
        completions.values().stream()
            .anyMatch(
                queue ->
                    queue.interrupts
                        && !queue.isEmpty()
                        && (maskedVectors & (1 << (queue.vector & 31))) == 0));
  }

  /** An entry of a submission queue. */
  private static final class Command {
    private final ByteBuffer entry;

    /** The first word of the completion. */
    private int result;

    Command(ByteBuffer entry) {
      this.entry = entry;
    }

    int opcode() {
      return entry.get(0) & 0xff;
    }

    int id() {
      return entry.getShort(2) & 0xffff;
    }

    int namespace() {
      return entry.getInt(4);
    }

    long prp1() {
      return entry.getLong(24);
    }

    long prp2() {
      return entry.getLong(32);
    }

    /** Command dword 10 to 15. */
    int dword(int number) {
      return entry.getInt(number * Integer.BYTES);
    }
  }

  private int administer(Command command) {
    return switch (command.opcode()) {
      case IDENTIFY -> identify(command);
      case CREATE_CQ -> createCompletionQueue(command);
      case CREATE_SQ -> createSubmissionQueue(command);
      case DELETE_SQ -> {
        int id = command.dword(10) & 0xffff;
        yield id != 0 && submissions.remove(id) != null ? SUCCESS : INVALID_QUEUE_ID;
      }
      case DELETE_CQ -> deleteCompletionQueue(command);
      case SET_FEATURES, GET_FEATURES -> features(command);
      case ABORT -> {
        // Everything was done when it came.
        command.result = 1;
        yield submissions.containsKey(command.dword(10) & 0xffff) ? SUCCESS : INVALID_FIELD;
      }
      default -> INVALID_OPCODE;
    };
  }

  private int createCompletionQueue(Command command) {
    int id = command.dword(10) & 0xffff;
    int entries = (command.dword(10) >>> 16) + 1;
    int vector = command.dword(11) >>> 16;
    if (id == 0 || id > MOST_QUEUES || completions.containsKey(id)) {
      return INVALID_QUEUE_ID;
    }
    if (entries < 2 || entries > MOST_ENTRIES) {
      return INVALID_QUEUE_SIZE;
    }
    if (!isPage(command.prp1())) {
      return INVALID_PRP_OFFSET;
    }
    if (vector >= (bus.isMessageSignalled() ? VECTORS : 1)) {
      return INVALID_VECTOR;
    }
    if ((command.dword(11) & 1) == 0) {
      return INVALID_FIELD;
    }
    boolean interrupts = (command.dword(11) & 2) != 0;
    completions.put(id, new CompletionQueue(command.prp1(), entries, vector, interrupts));
    hadQueues = true;
    return SUCCESS;
  }

  private int createSubmissionQueue(Command command) {
    int id = command.dword(10) & 0xffff;
    int entries = (command.dword(10) >>> 16) + 1;
    int completion = command.dword(11) >>> 16;
    if (completion == 0 || !completions.containsKey(completion)) {
      return INVALID_CQ;
    }
    if (id == 0 || id > MOST_QUEUES || submissions.containsKey(id)) {
      return INVALID_QUEUE_ID;
    }
    if (entries < 2 || entries > MOST_ENTRIES) {
      return INVALID_QUEUE_SIZE;
    }
    if (!isPage(command.prp1())) {
      return INVALID_PRP_OFFSET;
    }
    if ((command.dword(11) & 1) == 0) {
      return INVALID_FIELD;
    }
    submissions.put(
        id, new SubmissionQueue(id, command.prp1(), entries, completions.get(completion)));
    return SUCCESS;
  }

  private int deleteCompletionQueue(Command command) {
    int id = command.dword(10) & 0xffff;
    CompletionQueue queue = completions.get(id);
    if (id == 0 || queue == null) {
      return INVALID_CQ;
    }
    if (submissions.values().stream().anyMatch(user -> user.completion == queue)) {
      return INVALID_DELETION;
    }
    completions.remove(id);
    updateLine();
    return SUCCESS;
  }

  private int features(Command command) {
    if ((command.dword(10) & 0xff) != NUMBER_OF_QUEUES) {
      return INVALID_FIELD;
    }
    if (command.opcode() == SET_FEATURES) {
      if (hadQueues) {
        return SEQUENCE_ERROR;
      }
      int wanted = command.dword(11);
      if ((wanted & 0xffff) == 0xffff || wanted >>> 16 == 0xffff) {
        return INVALID_FIELD;
      }
    }
    command.result = ((MOST_QUEUES - 1) << 16) | (MOST_QUEUES - 1);
    return SUCCESS;
  }

  private int identify(Command command) {
    ByteBuffer page = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
    switch (command.dword(10) & 0xff) {
      case 0x00 -> {
        if (!isNamespace(command.namespace())) {
          return INVALID_NAMESPACE;
        }
        if (command.namespace() == 1) {
          describeNamespace(page);
        }
      }
      case 0x01 -> describeController(page);
      case 0x02 -> {
        if (Integer.compareUnsigned(command.namespace(), EVERY_NAMESPACE - 1) >= 0) {
          return INVALID_NAMESPACE;
        }
        if (Integer.compareUnsigned(command.namespace(), 1) < 0) {
          page.putInt(0, 1);
        }
      }
      default -> {
        return INVALID_FIELD;
      }
    }
    return move(command, page.array(), true);
  }

  /** Whether there could be one with this number. */
  private static boolean isNamespace(int id) {
    return id > 0 && id <= MOST_NAMESPACES;
  }

  private void describeController(ByteBuffer page) {
    page.putShort(0, (short) function.vendor());
    page.putShort(2, (short) function.subsystemVendor());
    text(page, 4, 20, serial);
    text(page, 24, 40, "QEMU NVMe Ctrl");
    text(page, 64, 8, "1.0");
    page.put(77, (byte) MOST_TRANSFER_BITS);
    page.putInt(80, VERSION_1_4);
    page.put(512, (byte) 0x66);
    page.put(513, (byte) 0x44);
    page.putInt(516, MOST_NAMESPACES);
  }

  private void describeNamespace(ByteBuffer page) {
    page.putLong(0, blocks);
    page.putLong(8, blocks);
    page.putLong(16, blocks);
    // The one format: 2^9 bytes in a block, no metadata.
    page.put(128 + 2, (byte) 9);
  }

  private static void text(ByteBuffer page, int offset, int length, String text) {
    byte[] padded = new byte[length];
    Arrays.fill(padded, (byte) ' ');
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, padded, 0, bytes.length);
    page.put(offset, padded);
  }

  private int transfer(Command command) {
    int namespace = command.namespace();
    int opcode = command.opcode();
    if (!isNamespace(namespace) && namespace != EVERY_NAMESPACE) {
      return INVALID_NAMESPACE;
    }
    if (opcode == FLUSH && namespace == EVERY_NAMESPACE) {
      return SUCCESS;
    }
    if (namespace != 1) {
      return INVALID_FIELD;
    }
    if (opcode == FLUSH) {
      return SUCCESS;
    }
    if (opcode != READ && opcode != WRITE) {
      return INVALID_OPCODE;
    }
    long first = (command.dword(10) & 0xffff_ffffL) | ((long) command.dword(11) << 32);
    int count = (command.dword(12) & 0xffff) + 1;
    if (count * BLOCK > pageSize << MOST_TRANSFER_BITS) {
      return INVALID_FIELD;
    }
    if (Long.compareUnsigned(first, blocks) >= 0 || count > blocks - first) {
      return LBA_OUT_OF_RANGE;
    }
    byte[] data = new byte[count * BLOCK];
    if (opcode == READ) {
      medium(first * BLOCK, data, false);
    }
    int status = move(command, data, opcode == READ);
    if (opcode == WRITE && status == SUCCESS) {
      medium(first * BLOCK, data, true);
    }
    return status;
  }

  private void medium(long position, byte[] data, boolean write) {
    for (int done = 0; done < data.length; ) {
      long at = position + done;
      int inPage = (int) (at % PAGE);
      int part = Math.min(PAGE - inPage, data.length - done);
      if (write) {
        byte[] page = medium.computeIfAbsent(at / PAGE, number -> new byte[PAGE]);
        System.arraycopy(data, done, page, inPage, part);
      } else if (medium.containsKey(at / PAGE)) {
        System.arraycopy(medium.get(at / PAGE), inPage, data, done, part);
      }
      done += part;
    }
  }

  /** Data of a command, by its physical region pages. */
  private int move(Command command, byte[] data, boolean toHost) {
    long at = command.prp1();
    int part = Math.min(pageSize - (int) (at & (pageSize - 1)), data.length);
    if (!move(at, data, 0, part, toHost)) {
      return DATA_TRANSFER_ERROR;
    }
    int left = data.length - part;
    if (left == 0) {
      return SUCCESS;
    }
    if (left <= pageSize) {
      if (!isPage(command.prp2())) {
        return INVALID_PRP_OFFSET;
      }
      return move(command.prp2(), data, part, left, toHost) ? SUCCESS : DATA_TRANSFER_ERROR;
    }
    return moveByList(command.prp2(), data, part, toHost);
  }

  /** The last entry of a page of the list leads to the next page, where more is to come. */
  private int moveByList(long list, byte[] data, int from, boolean toHost) {
    byte[] entry = new byte[Long.BYTES];
    long at = list;
    for (int done = from; done < data.length; ) {
      if (!bus.readMemory(at, entry, 0, entry.length)) {
        return DATA_TRANSFER_ERROR;
      }
      long page = ByteBuffer.wrap(entry).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (!isPage(page)) {
        return INVALID_PRP_OFFSET;
      }
      int left = data.length - done;
      if ((at & (pageSize - 1)) == pageSize - Long.BYTES && left > pageSize) {
        at = page;
        continue;
      }
      int part = Math.min(pageSize, left);
      if (!move(page, data, done, part, toHost)) {
        return DATA_TRANSFER_ERROR;
      }
      done += part;
      at += Long.BYTES;
    }
    return SUCCESS;
  }

  private boolean move(long iova, byte[] data, int start, int length, boolean toHost) {
    return toHost
        ? bus.writeMemory(iova, data, start, length)
        : bus.readMemory(iova, data, start, length);
  }
}
