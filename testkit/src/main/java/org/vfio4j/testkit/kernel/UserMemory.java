// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.WeakHashMap;
import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.machine.Held;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * The memory of the process, which is that of this JVM: what is mapped where, what is pinned, and
 * how much of it counts against RLIMIT_MEMLOCK.
 */
final class UserMemory {
  static final int PAGE = 4096;

  private static final int PAGE_SHIFT = 12;

  /** Reads and writes any address of this process, and fails where there is nothing. */
  private static final int MEM = Kernel.host().open("/proc/self/mem", Linux.O_RDWR);

  private final Kernel host = Kernel.host();
  private final Machine machine;
  private final Origins origins;
  private final TreeMap<Long, AnonymousMemory> mapped = new TreeMap<>();

  /**
   * What the process has unmapped, while something else is in its place: the memory, if a device
   * has it, or what {@link Kernel#munmap} of the host leaves there until it is garbage.
   */
  private final Set<MappedMemory> unmapped = Collections.newSetFromMap(new WeakHashMap<>());

  /** The last one that was asked for: it often is the next, too. */
  private AnonymousMemory recent;

  private long userLocked;
  private long locked;
  private long pinned;

  UserMemory(Machine machine, Origins origins) {
    this.machine = machine;
    this.origins = origins;
  }

  NativeBlock read(long address, int length) {
    NativeBlock bytes = new NativeBlock(length);
    boolean there =
        length == 0 || (address > 0 && host.pread(MEM, bytes, length, address) == length);
    KernelError.refuseIf(!there, Errno.EFAULT);
    return bytes;
  }

  void write(long address, NativeBlock bytes) {
    int length = bytes.capacity();
    boolean there =
        length == 0
            || (address > 0
                && isWritable(address, length)
                && host.pwrite(MEM, bytes, length, address) == length);
    KernelError.refuseIf(!there, Errno.EFAULT);
  }

  /** Anonymous memory, from the host: so its address is one that everybody can use. */
  Result<MappedMemory> mmap(long length, int protection, int flags) {
    Result<MappedMemory> memory = host.mmap(-1, 0, length, protection, flags);
    if (!memory.isOk()) {
      return memory;
    }
    boolean writable = (protection & Linux.PROT_WRITE) != 0;
    AnonymousMemory ours = new AnonymousMemory(host, memory.value(), writable);
    mapped.put(ours.address(), ours);
    origins.taken(ours);
    return Result.of(ours);
  }

  void munmap(AnonymousMemory memory) {
    if (memory.unmap()) {
      mapped.remove(memory.address());
      unmapped.add(memory.pages());
      recent = null;
      origins.given(memory, Held.Kind.MAPPING, memory.toString());
    }
  }

  /** Anonymous memory of the process, by address. */
  Collection<AnonymousMemory> mapped() {
    return mapped.values();
  }

  /** In bytes. */
  long mappedBytes() {
    return mapped.values().stream().mapToLong(MappedMemory::size).sum();
  }

  /**
   * Takes hold of memory for a device: it stays, whatever the process does with its mapping of it.
   *
   * @return null when a part is not there, or is to be written and must not be
   */
  Pin pin(long address, long length, boolean write) {
    AnonymousMemory memory = mapped(address, length);
    if (memory != null) {
      return write && !memory.isWritable() ? null : new OwnPin(memory, address - memory.address());
    }
    // Memory of this JVM that did not come from here, or several mappings side by side.
    return isThere(address, length, write)
        ? new ForeignPin(address, overlapping(address, length))
        : null;
  }

  private List<AnonymousMemory> overlapping(long address, long length) {
    return mapped.headMap(address + length).values().stream()
        .filter(memory -> memory.address() + memory.size() > address)
        .toList();
  }

  /** The memory that this range is all of, or a part of; null where there is none. */
  private AnonymousMemory mapped(long address, long length) {
    if (recent == null || !holds(recent, address, length)) {
      Map.Entry<Long, AnonymousMemory> entry = mapped.floorEntry(address);
      recent = entry == null ? null : entry.getValue();
    }
    return recent != null && holds(recent, address, length) ? recent : null;
  }

  private static boolean holds(AnonymousMemory memory, long address, long length) {
    long offset = address - memory.address();
    return offset >= 0 && offset <= memory.size() - length;
  }

  private boolean isWritable(long address, long length) {
    return isThere(address, length, true);
  }

  private boolean isThere(long address, long length, boolean write) {
    return length > 0 && there(address, length, write) == length;
  }

  /**
   * How many bytes from an address on are there, of as many as are asked for. By the memory map of
   * this JVM, since /proc/self/mem writes to read-only memory too.
   */
  long there(long address, long length, boolean write) {
    if (address < 0 || length <= 0 || address + length < 0) {
      return 0;
    }
    long end = address + length;
    for (MappedMemory memory : unmapped) {
      if (memory.address() < end && memory.address() + memory.size() > address) {
        end = Math.max(address, memory.address());
      }
    }
    String maps =
        new String(host.readFile("/proc/self/maps").orElse(new byte[0]), StandardCharsets.US_ASCII);
    long next = address;
    for (String line : maps.split("\n")) {
      String[] words = line.split("[- ]", 4);
      if (words.length < 3 || words[0].length() > 15) {
        continue;
      }
      long start = Long.parseLong(words[0], 16);
      boolean usable = words[2].startsWith(write ? "rw" : "r");
      if (start <= next && usable) {
        next = Math.max(next, Math.min(end, Long.parseLong(words[1], 16)));
      }
    }
    return next - address;
  }

  static long pages(long bytes) {
    return bytes >>> PAGE_SHIFT;
  }

  /** iommufd's accounting of {@code pages} more, or fewer. ENOMEM over the limit. */
  void accountPinned(PinAccount account, long pages) {
    if (pages > 0 && account != PinAccount.NONE) {
      long used = account == PinAccount.PER_USER ? userLocked : locked;
      KernelError.refuseIf(used + pages > limitPages(), Errno.ENOMEM);
    }
    switch (account) {
      case PER_USER -> userLocked += pages;
      case PER_PROCESS -> locked += pages;
      case NONE -> {}
    }
    pinned += pages;
  }

  /** type1's accounting: the capability lifts the limit, the pages count all the same. */
  void accountLocked(long pages) {
    checkLockable(pages);
    locked += pages;
  }

  /** ENOMEM where so many pages more are over type1's limit. */
  void checkLockable(long pages) {
    boolean over = pages > 0 && locked + pages > limitPages();
    KernelError.refuseIf(over && !machine.has(Capability.CAP_IPC_LOCK), Errno.ENOMEM);
  }

  private long limitPages() {
    return pages(machine.memlock());
  }

  /** {@code VmLck}, in bytes. */
  long lockedBytes() {
    return locked << PAGE_SHIFT;
  }

  /** {@code VmPin}, in bytes. */
  long pinnedBytes() {
    return pinned << PAGE_SHIFT;
  }

  /** How pinned pages count against RLIMIT_MEMLOCK. */
  enum PinAccount {
    NONE,
    PER_USER,
    PER_PROCESS
  }

  /** Memory that a device may reach. */
  interface Pin {
    void read(long offset, byte[] target, int start, int length);

    void write(long offset, byte[] source, int start, int length);

    /** The same memory from {@code offset} on, held by a pin of its own. */
    Pin from(long offset);

    void release();

    /** Whether it counts as locked memory: registers of a device do not. */
    default boolean isMemory() {
      return true;
    }
  }

  private final class OwnPin implements Pin {
    private final AnonymousMemory memory;
    private final long base;

    OwnPin(AnonymousMemory memory, long base) {
      this.memory = memory;
      this.base = base;
      memory.pin();
      origins.taken(this);
    }

    @Override
    public void read(long offset, byte[] target, int start, int length) {
      memory.pages().read(base + offset, target, start, length);
    }

    @Override
    public void write(long offset, byte[] source, int start, int length) {
      memory.pages().write(base + offset, source, start, length);
    }

    @Override
    public Pin from(long offset) {
      return new OwnPin(memory, base + offset);
    }

    @Override
    public void release() {
      origins.given(this);
      memory.unpin();
    }

    @Override
    public String toString() {
      return Units.hex(memory.address() + base);
    }
  }

  /**
   * Of what is not one mapping from here: several side by side, which are held, or memory that did
   * not come from here, which is the test's to keep.
   */
  private final class ForeignPin implements Pin {
    private final long address;
    private final List<AnonymousMemory> held;

    ForeignPin(long address, List<AnonymousMemory> held) {
      this.address = address;
      this.held = held;
      held.forEach(AnonymousMemory::pin);
      origins.taken(this);
    }

    @Override
    public void read(long offset, byte[] target, int start, int length) {
      byte[] bytes = UserMemory.this.read(address + offset, length).get(0, length);
      System.arraycopy(bytes, 0, target, start, length);
    }

    @Override
    public void write(long offset, byte[] source, int start, int length) {
      NativeBlock bytes = new NativeBlock(length);
      bytes.asByteBuffer().put(0, source, start, length);
      host.pwrite(MEM, bytes, length, address + offset);
    }

    @Override
    public Pin from(long offset) {
      return new ForeignPin(address + offset, held);
    }

    @Override
    public void release() {
      origins.given(this);
      held.forEach(AnonymousMemory::unpin);
    }

    @Override
    public String toString() {
      return Units.hex(address);
    }
  }
}
