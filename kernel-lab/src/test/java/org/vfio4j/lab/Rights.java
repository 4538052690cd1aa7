// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.util.function.Supplier;
import org.vfio4j.linux.Linux;

/**
 * Rights that this thread, and limits that this process, is without for a moment: on the real
 * kernel, whose calls then answer as they answer those who never had them.
 *
 * <p>What runs meanwhile must have run before, so that no class is to be loaded, and must only make
 * calls: what they answered is looked at afterwards.
 */
enum Rights {
  CAP_IPC_LOCK(14),
  CAP_SYS_RAWIO(17),
  CAP_SYS_ADMIN(21),
  CAP_SYS_RESOURCE(24);

  private static final NativeLibrary C = NativeLibrary.getInstance("c");
  private static final int VERSION_3 = 0x20080522;
  private static final int SETS = 24;
  private static final int RLIMIT_NOFILE = 7;
  private static final int RLIMIT_MEMLOCK = 8;

  private final int bit;

  Rights(int bit) {
    this.bit = bit;
  }

  /** What the calls answer without it. Capabilities are those of a thread. */
  <T> T without(Supplier<T> calls) {
    Memory header = new Memory(8);
    header.setInt(0, VERSION_3);
    header.setInt(4, 0);
    Memory sets = new Memory(SETS);
    call("capget", header, sets);
    int effective = sets.getInt(0);
    sets.setInt(0, effective & ~(1 << bit));
    call("capset", header, sets);
    try {
      return calls.get();
    } finally {
      sets.setInt(0, effective);
      call("capset", header, sets);
    }
  }

  /** What the calls answer while there is no descriptor left. */
  static <T> T withoutDescriptors(Supplier<T> calls) {
    int lowest = Lab.KERNEL.open("/dev/null", Linux.O_RDWR);
    Lab.KERNEL.close(lowest);
    return limited(RLIMIT_NOFILE, lowest, calls);
  }

  /** What the calls answer while so many bytes may be locked, and no more. */
  static <T> T withLockedMemory(long bytes, Supplier<T> calls) {
    return limited(RLIMIT_MEMLOCK, bytes, () -> CAP_IPC_LOCK.without(calls));
  }

  private static <T> T limited(int resource, long limit, Supplier<T> calls) {
    Memory limits = new Memory(16);
    call("getrlimit", resource, limits);
    long before = limits.getLong(0);
    limits.setLong(0, limit);
    call("setrlimit", resource, limits);
    try {
      return calls.get();
    } finally {
      limits.setLong(0, before);
      call("setrlimit", resource, limits);
    }
  }

  private static void call(String name, Object... arguments) {
    Function function = C.getFunction(name);
    if (function.invokeInt(arguments) != 0) {
      throw new AssertionError(name + " failed");
    }
  }
}
