// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceIoeventfd;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Bar;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * Eventfds that write registers of a function.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_core.c} and {@code vfio_pci_rdwr.c}, where the checks
 * are in the same order.
 */
final class IoEventFds {
  private static final int MIN_SIZE = 28;
  private static final int SIZES = 0xf;
  private static final int MOST = 1000;
  private static final int OFFSET_SHIFT = 40;
  private static final long OFFSET_MASK = (1L << OFFSET_SHIFT) - 1;
  private static final int MSIX_ENTRY = 16;

  private final Core core;
  private final PciDevice pci;
  private final VfioConfig config;
  private final List<Registration> registered = new ArrayList<>();

  private record Registration(int bar, long position, int width, long value, Virqfd virqfd) {
    boolean writes(int otherBar, long otherPosition, int otherWidth, long otherValue) {
      return bar == otherBar
          && position == otherPosition
          && width == otherWidth
          && value == otherValue;
    }
  }

  IoEventFds(Core core, PciDevice pci, VfioConfig config) {
    this.core = core;
    this.pci = pci;
    this.config = config;
  }

  void set(UserPointer set) {
    set.argsz(MIN_SIZE);
    int flags = set.getInt(VfioDeviceIoeventfd.FLAGS);
    int fd = set.getInt(VfioDeviceIoeventfd.FD);
    boolean wrong = (flags & ~SIZES) != 0 || Integer.bitCount(flags) != 1 || fd < -1;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long offset = set.getLong(VfioDeviceIoeventfd.OFFSET);
    long value = set.getLong(VfioDeviceIoeventfd.DATA);
    // The flag of a size is the size.
    register((int) (offset >>> OFFSET_SHIFT), offset & OFFSET_MASK, flags, value, fd);
  }

  private void register(int index, long position, int width, long value, int fd) {
    KernelError.refuseIf(index < 0 || index >= PciFunction.BARS, Errno.EINVAL);
    PciFunction function = pci.function();
    Bar bar = function.bar(index);
    KernelError.refuseIf(bar == null || position + width > bar.size(), Errno.EINVAL);
    long table = function.msixTable();
    long tableEnd = table + (long) function.msixVectors() * MSIX_ENTRY;
    boolean inTable =
        function.msixVectors() > 0
            && function.msixBar() == index
            && position + width > table
            && position < tableEnd;
    boolean tooWide = width > core.version().widestRegionAccess();
    KernelError.refuseIf(inTable || tooWide, Errno.EINVAL);
    for (Registration found : registered) {
      if (found.writes(index, position, width, value)) {
        KernelError.refuseIf(fd != -1, Errno.EEXIST);
        found.virqfd().disable();
        registered.remove(found);
        return;
      }
    }
    KernelError.refuseIf(fd < 0, Errno.ENODEV);
    KernelError.refuseIf(registered.size() >= MOST, Errno.ENOSPC);
    Virqfd virqfd = new Virqfd(() -> write(index, position, width, value));
    virqfd.enable(core.files().get(fd));
    registered.add(new Registration(index, position, width, value, virqfd));
  }

  private void write(int bar, long position, int width, long value) {
    boolean memory = pci.function().bar(bar).space() != Space.IO;
    if (!memory || config.isMemoryEnabled()) {
      long mask = width == Long.BYTES ? -1 : (1L << (width * Byte.SIZE)) - 1;
      pci.model().write(bar, position, width, value & mask);
    }
  }

  void close() {
    registered.forEach(found -> found.virqfd().disable());
    registered.clear();
  }
}
