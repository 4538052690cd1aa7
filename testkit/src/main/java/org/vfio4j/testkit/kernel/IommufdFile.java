// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommuDestroy;
import org.vfio4j.iommufd.uapi.IommuIoasAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasAllowIovas;
import org.vfio4j.iommufd.uapi.IommuIoasCopy;
import org.vfio4j.iommufd.uapi.IommuIoasIovaRanges;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommuIovaRange;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * An open /dev/iommu.
 *
 * <p>Source: {@code drivers/iommu/iommufd/main.c} and {@code ioas.c}, where the checks are in the
 * same order.
 */
final class IommufdFile extends CharacterFile {
  private static final int NUMBER = 0xff;
  private static final int PROT_EXEC = 4;
  private static final int FIRST = 0x80;
  private static final int SIZE = 0;

  private static final int ACCESS =
      IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE | IommufdUapi.IOMMU_IOAS_MAP_READABLE;
  private static final int MAP_FLAGS = ACCESS | IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA;

  private final Core core;
  private final IommufdContext context;
  private final VfioCompat compat;
  private final IommufdCalls calls;

  IommufdFile(Core core) {
    super("/dev/iommu");
    this.core = core;
    this.context = new IommufdContext(core);
    this.compat = new VfioCompat(core, context);
    this.calls = new IommufdCalls(core, context);
    context.hold();
  }

  IommufdContext context() {
    return context;
  }

  @Override
  void release() {
    context.drop();
  }

  /** What an object has told the place of. */
  @Override
  MappedMemory mmap(long offset, long length, int protection, int flags) {
    KernelError.refuseIf(!core.version().hasHardwareQueues(), Errno.ENODEV);
    boolean wrong = (length & (UserMemory.PAGE - 1)) != 0 || (flags & Linux.MAP_SHARED) == 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    KernelError.refuseIf((protection & PROT_EXEC) != 0, Errno.EPERM);
    IommufdWindow window = context.window(offset);
    KernelError.refuseIf(window == null || length != IommufdWindow.LENGTH, Errno.ENXIO);
    return window.map(core, this, protection);
  }

  @Override
  int ioctl(int request, UserPointer argument) {
    int number = request & NUMBER;
    if (number < FIRST || number > calls.last()) {
      return compat.ioctl(request, argument);
    }
    int size = argument.getInt(SIZE);
    switch (request) {
      case IommufdUapi.IOMMU_DESTROY -> {
        checkSize(argument, size, IommuDestroy.SIZEOF);
        context.destroy(argument.getInt(IommuDestroy.ID));
      }
      case IommufdUapi.IOMMU_IOAS_ALLOC -> {
        checkSize(argument, size, IommuIoasAlloc.SIZEOF);
        KernelError.refuseIf(argument.getInt(IommuIoasAlloc.FLAGS) != 0, Errno.EOPNOTSUPP);
        allocate(argument);
      }
      case IommufdUapi.IOMMU_IOAS_ALLOW_IOVAS -> {
        checkSize(argument, size, IommuIoasAllowIovas.SIZEOF);
        allow(argument);
      }
      case IommufdUapi.IOMMU_IOAS_COPY -> {
        checkSize(argument, size, IommuIoasCopy.SIZEOF);
        copy(argument);
      }
      case IommufdUapi.IOMMU_IOAS_IOVA_RANGES -> {
        checkSize(argument, size, IommuIoasIovaRanges.SIZEOF);
        ranges(argument);
      }
      case IommufdUapi.IOMMU_IOAS_MAP -> {
        checkSize(argument, size, IommuIoasMap.SIZEOF);
        map(argument);
      }
      case IommufdUapi.IOMMU_IOAS_UNMAP -> {
        checkSize(argument, size, IommuIoasUnmap.SIZEOF);
        unmap(argument);
      }
      case IommufdUapi.IOMMU_OPTION -> {
        checkSize(argument, size, IommuOption.SIZEOF);
        option(argument);
      }
      case VfioCompat.IOMMU_VFIO_IOAS -> {
        checkSize(argument, size, VfioCompat.VFIO_IOAS_SIZE);
        compat.choose(argument);
      }
      default -> calls.ioctl(request, argument, size);
    }
    return 0;
  }

  /** All fields of these structs were there from the start. */
  private static void checkSize(UserPointer argument, int size, int known) {
    KernelError.refuseIf(Integer.compareUnsigned(size, known) < 0, Errno.EINVAL);
    argument.checkZero(known, size);
  }

  private void allocate(UserPointer alloc) {
    Ioas ioas = context.allocateIoas();
    KernelError.orUndo(
        () -> alloc.putInt(IommuIoasAlloc.OUT_IOAS_ID, ioas.id()), () -> context.remove(ioas));
  }

  private void map(UserPointer map) {
    int flags = map.getInt(IommuIoasMap.FLAGS);
    long iova = map.getLong(IommuIoasMap.IOVA);
    long length = map.getLong(IommuIoasMap.LENGTH);
    boolean unknown = (flags & ~MAP_FLAGS) != 0 || map.getInt(IommuIoasMap.RESERVED) != 0;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    KernelError.refuseIf(iova == -1 || length == -1, Errno.EOVERFLOW);
    KernelError.refuseIf((flags & ACCESS) == 0, Errno.EINVAL);
    Ioas ioas = context.ioas(map.getInt(IommuIoasMap.IOAS_ID));
    long userVa = map.getLong(IommuIoasMap.USER_VA);
    Long fixed = fixed(flags, iova);
    boolean read = isReadable(flags);
    map.putLong(
        IommuIoasMap.IOVA,
        ioas.map(context.account(), userVa, length, fixed, read, isWritable(flags)));
  }

  private void copy(UserPointer copy) {
    int flags = copy.getInt(IommuIoasCopy.FLAGS);
    long length = copy.getLong(IommuIoasCopy.LENGTH);
    long from = copy.getLong(IommuIoasCopy.SRC_IOVA);
    long to = copy.getLong(IommuIoasCopy.DST_IOVA);
    KernelError.refuseIf((flags & ~MAP_FLAGS) != 0, Errno.EOPNOTSUPP);
    KernelError.refuseIf(length == -1 || from == -1 || to == -1, Errno.EOVERFLOW);
    KernelError.refuseIf((flags & ACCESS) == 0, Errno.EINVAL);
    Ioas source = context.ioas(copy.getInt(IommuIoasCopy.SRC_IOAS_ID));
    source.checkMapped(from, length);
    Ioas target = context.ioas(copy.getInt(IommuIoasCopy.DST_IOAS_ID));
    copy.putLong(
        IommuIoasCopy.DST_IOVA,
        target.copy(source, from, length, fixed(flags, to), isReadable(flags), isWritable(flags)));
  }

  private static Long fixed(int flags, long iova) {
    return (flags & IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA) != 0 ? iova : null;
  }

  private static boolean isReadable(int flags) {
    return (flags & IommufdUapi.IOMMU_IOAS_MAP_READABLE) != 0;
  }

  private static boolean isWritable(int flags) {
    return (flags & IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE) != 0;
  }

  private void unmap(UserPointer unmap) {
    Ioas ioas = context.ioas(unmap.getInt(IommuIoasUnmap.IOAS_ID));
    long iova = unmap.getLong(IommuIoasUnmap.IOVA);
    long length = unmap.getLong(IommuIoasUnmap.LENGTH);
    boolean all = iova == 0 && length == -1;
    long unmapped;
    if (all) {
      unmapped = ioas.unmapAll();
    } else {
      KernelError.refuseIf(iova == -1 || length == -1, Errno.EOVERFLOW);
      unmapped = ioas.unmap(iova, length);
    }
    boolean fine = unmapped != 0 || (all && core.version().unmapsNothing());
    KernelError.refuseIf(!fine, Errno.ENOENT);
    unmap.putLong(IommuIoasUnmap.LENGTH, unmapped);
  }

  private void ranges(UserPointer ranges) {
    KernelError.refuseIf(ranges.getInt(IommuIoasIovaRanges.RESERVED) != 0, Errno.EOPNOTSUPP);
    Ioas ioas = context.ioas(ranges.getInt(IommuIoasIovaRanges.IOAS_ID));
    int room = ranges.getInt(IommuIoasIovaRanges.NUM_IOVAS);
    UserPointer array = ranges.at(ranges.getLong(IommuIoasIovaRanges.ALLOWED_IOVAS));
    List<IovaRange> usable = ioas.usable();
    for (int i = 0; i < usable.size() && Integer.compareUnsigned(i, room) < 0; i++) {
      int at = i * IommuIovaRange.SIZEOF;
      array.putLong(at + IommuIovaRange.START, usable.get(i).start());
      array.putLong(at + IommuIovaRange.LAST, usable.get(i).last());
    }
    ranges.putInt(IommuIoasIovaRanges.NUM_IOVAS, usable.size());
    ranges.putLong(IommuIoasIovaRanges.OUT_IOVA_ALIGNMENT, ioas.alignment());
    KernelError.refuseIf(Integer.compareUnsigned(usable.size(), room) > 0, Errno.EMSGSIZE);
  }

  private void allow(UserPointer allow) {
    KernelError.refuseIf(allow.getInt(IommuIoasAllowIovas.RESERVED) != 0, Errno.EOPNOTSUPP);
    Ioas ioas = context.ioas(allow.getInt(IommuIoasAllowIovas.IOAS_ID));
    UserPointer array = allow.at(allow.getLong(IommuIoasAllowIovas.ALLOWED_IOVAS));
    int count = allow.getInt(IommuIoasAllowIovas.NUM_IOVAS);
    List<IovaRange> ranges = new ArrayList<>();
    for (int i = 0; Integer.compareUnsigned(i, count) < 0; i++) {
      int at = i * IommuIovaRange.SIZEOF;
      long start = array.getLong(at + IommuIovaRange.START);
      long last = array.getLong(at + IommuIovaRange.LAST);
      boolean overlaps =
          ranges.stream()
              .anyMatch(range -> Ioas.overlaps(range.start(), range.last(), start, last));
      KernelError.refuseIf(Long.compareUnsigned(start, last) >= 0 || overlaps, Errno.EINVAL);
      ranges.add(new IovaRange(start, last));
    }
    ioas.allow(ranges);
  }

  private void option(UserPointer option) {
    KernelError.refuseIf(option.getShort(IommuOption.RESERVED) != 0, Errno.EOPNOTSUPP);
    int op = Short.toUnsignedInt(option.getShort(IommuOption.OP));
    int object = option.getInt(IommuOption.OBJECT_ID);
    long value = option.getLong(IommuOption.VAL64);
    switch (option.getInt(IommuOption.OPTION_ID)) {
      case IommufdUapi.IOMMU_OPTION_RLIMIT_MODE -> {
        KernelError.refuseIf(object != 0, Errno.EOPNOTSUPP);
        option.putLong(IommuOption.VAL64, rlimitMode(op, value));
      }
      case IommufdUapi.IOMMU_OPTION_HUGE_PAGES -> {
        Ioas ioas = context.ioas(object);
        option.putLong(IommuOption.VAL64, hugePages(ioas, op, value));
      }
      default -> throw KernelError.of(Errno.EOPNOTSUPP);
    }
  }

  private long rlimitMode(int op, long value) {
    if (op == IommufdUapi.IOMMU_OPTION_OP_GET) {
      return context.isPerProcess() ? 1 : 0;
    }
    KernelError.refuseIf(op != IommufdUapi.IOMMU_OPTION_OP_SET, Errno.EOPNOTSUPP);
    KernelError.refuseIf(!core.machine().has(Capability.CAP_SYS_RESOURCE), Errno.EPERM);
    KernelError.refuseIf(!context.isEmpty(), Errno.EBUSY);
    KernelError.refuseIf(value != 0 && value != 1, Errno.EINVAL);
    context.perProcess(value == 1);
    return value;
  }

  private static long hugePages(Ioas ioas, int op, long value) {
    if (op == IommufdUapi.IOMMU_OPTION_OP_GET) {
      return ioas.hasLargePages() ? 1 : 0;
    }
    KernelError.refuseIf(op != IommufdUapi.IOMMU_OPTION_OP_SET, Errno.EOPNOTSUPP);
    KernelError.refuseIf(value != 0 && value != 1, Errno.EINVAL);
    ioas.largePages(value == 1);
    return value;
  }
}
