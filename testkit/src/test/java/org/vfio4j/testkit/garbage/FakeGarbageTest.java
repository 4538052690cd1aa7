// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.garbage;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Field;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.MbochsDriver;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Whatever a program asks of the fake kernel, it answers with a number, soon, and goes on.
 *
 * <p>Arguments follow the inventory of the user API: fields with numbers that mean something, that
 * nearly do, or any. Where a field may be a pointer there is nothing but addresses where this JVM
 * has no memory, and a piece of memory of its own: a kernel writes where it is told to.
 */
@Tag("random")
class FakeGarbageTest {
  private static final Inventory INVENTORY = Inventory.load();

  /** Larger than any answer. */
  private static final int ROOM = 4096;

  private static final int MEMORY = 1 << 20;
  private static final int FILES = 24;
  private static final int CASES_OF_A_KERNEL = 500;

  /** Below it no process has memory; IOVAs are from here too, since any number may be a pointer. */
  private static final int LOWEST_MEMORY = 1 << 20;

  private static final int FEATURE = 0x3B75;
  private static final String[] PATHS = {
    "/dev/iommu",
    "/dev/vfio/vfio",
    "/dev/vfio/1",
    "/dev/vfio/2",
    "/dev/vfio/noiommu-0",
    "/dev/vfio/devices/vfio0",
    "/dev/vfio/devices/vfio1",
    "/dev/vfio/devices/vfio2",
    "/dev/vfio/devices/vfio3",
    "/dev/null"
  };

  private final NativeBlock argument = new NativeBlock(ROOM);
  private final List<Integer> files = new ArrayList<>();
  private MappedMemory memory;
  private FakeKernel kernel;
  private Random random;

  @Test
  void callsOfAProgram() throws InterruptedException {
    memory =
        Kernel.host()
            .mmap(
                -1,
                0,
                MEMORY,
                Linux.PROT_READ | Linux.PROT_WRITE,
                Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
            .value();
    try {
      Cases.run(
          "fake kernel",
          CASES_OF_A_KERNEL,
          (number, fresh) -> {
            random = fresh;
            if (kernel == null || number % CASES_OF_A_KERNEL == 0) {
              boot();
            }
            call();
          });
    } finally {
      kernel = null;
      Kernel.host().munmap(memory);
    }
  }

  private void boot() {
    KernelVersion[] versions = KernelVersion.values();
    kernel =
        FakeKernel.of(
            versions[random.nextInt(versions.length)],
            machine -> {
              machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci");
              machine.device("0000:00:06.0", new EduModel()).inGroup(2).boundTo("vfio-pci");
              machine.device("0000:00:07.0", new EduModel()).inGroup(2).boundTo("vfio-pci");
              machine.mediated("/sys/devices/virtual/mtty/mtty", new MttyDriver());
              machine.mediated("/sys/devices/virtual/mbochs/mbochs", new MbochsDriver());
              machine.noIommuMode();
            });
    kernel.writeFile(
        "/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/create",
        "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001".getBytes(StandardCharsets.UTF_8));
    files.clear();
    for (String path : PATHS) {
      keep(kernel.open(path, Linux.O_RDWR));
    }
    keep(kernel.eventfd(0, Linux.EFD_NONBLOCK));
  }

  private void keep(int fd) {
    if (fd >= 0) {
      files.add(fd);
    }
    if (files.size() > FILES) {
      kernel.close(files.remove(random.nextInt(files.size())));
    }
  }

  private void call() {
    int fd = random.nextInt(40) == 0 ? number() : files.get(random.nextInt(files.size()));
    switch (random.nextInt(24)) {
      case 0 -> keep(kernel.open(PATHS[random.nextInt(PATHS.length)], Linux.O_RDWR));
      case 1 -> kernel.read(fd, argument, random.nextInt(ROOM));
      case 2 -> {
        garbage(null);
        kernel.write(fd, argument, random.nextInt(ROOM));
      }
      case 3 -> kernel.pread(fd, argument, random.nextInt(64), offset());
      case 4 -> kernel.pwrite(fd, argument, random.nextInt(64), offset());
      case 5 -> {
        int protection = 1 + random.nextInt(7);
        kernel.mmap(fd, offset() & -4096, (long) (1 + random.nextInt(4)) << 12, protection, 1);
      }
      case 6 -> {
        if (files.size() > 4 && random.nextInt(4) == 0) {
          kernel.close(files.remove(random.nextInt(files.size())));
        }
      }
      default -> ioctl(fd);
    }
  }

  private long offset() {
    return ((long) random.nextInt(10) << 40)
        + (random.nextInt(3) == 0 ? number() : random.nextInt(0x120));
  }

  private void ioctl(int fd) {
    List<Ioctl> ioctls = INVENTORY.ioctls();
    Ioctl ioctl = ioctls.get(random.nextInt(ioctls.size()));
    int request = random.nextInt(50) == 0 ? 0x3B00 + random.nextInt(256) : ioctl.number();
    if (ioctl.argument().equals("number") || ioctl.argument().equals("none")) {
      // Some of these have the number of a call that takes a pointer.
      result(kernel.ioctl(fd, request, (long) random.nextInt(12)), request);
      return;
    }
    Layout layout = INVENTORY.struct(ioctl.argument());
    garbage(layout);
    if (request == FEATURE) {
      feature();
    }
    int result = kernel.ioctl(fd, request, argument);
    result(result, request);
    if (layout != null && result >= 0) {
      for (Field field : layout.fields()) {
        if (field.name().matches("out_.*fd")) {
          keep(argument.getInt(field.offset()));
        }
      }
    }
  }

  private void result(int result, int request) {
    if (result < 0) {
      Errno.ofResult(result);
    } else if (result > 2 && (request == 0x3B6A || request == 0x3B73)) {
      keep(result);
    }
  }

  /** The data of a feature has pointers where structs of other calls have numbers. */
  private void feature() {
    int feature = random.nextInt(14);
    argument.putInt(0, random.nextInt(4) == 0 ? number() : 8 + random.nextInt(48));
    argument.putInt(
        4, random.nextInt(6) == 0 ? number() : feature | (1 << (16 + random.nextInt(3))));
    argument.putInt(16, random.nextInt(8));
  }

  private void garbage(Layout layout) {
    argument.clear();
    int end = random.nextInt(3) == 0 ? 256 : 64;
    for (int at = 0; at < end; at += Long.BYTES) {
      argument.putLong(at, random.nextInt(3) == 0 ? 0 : pointer());
    }
    if (layout == null) {
      // A name, a descriptor.
      if (random.nextBoolean()) {
        argument.putInt(0, files.get(random.nextInt(files.size())));
      } else {
        String[] names = {"0000:00:05.0", "0000:00:06.0 vf_token=x", "", " "};
        byte[] name = names[random.nextInt(names.length)].getBytes(StandardCharsets.UTF_8);
        argument.put(0, Arrays.copyOf(name, name.length + 1));
      }
      return;
    }
    for (Field field : layout.fields()) {
      switch (field.width()) {
        case Long.BYTES -> argument.putLong(field.offset(), pointer());
        case Integer.BYTES -> argument.putInt(field.offset(), plausible(field, layout));
        case Short.BYTES -> argument.putShort(field.offset(), (short) (random.nextInt(5) - 1));
        default -> {}
      }
    }
  }

  private int plausible(Field field, Layout layout) {
    boolean size = field.name().equals("size") || field.name().equals("argsz");
    return switch (random.nextInt(8)) {
      case 0 -> number();
      case 1, 2, 3 ->
          size
              ? layout.size()
              : field.name().contains("fd") || field.name().equals("iommufd")
                  ? files.get(random.nextInt(files.size()))
                  : field.name().startsWith("__") ? 0 : random.nextInt(8);
      case 4 -> size ? layout.size() + random.nextInt(64) - 8 : 0;
      case 5 -> size ? layout.size() : random.nextInt(64);
      default -> size ? layout.size() : 1 << random.nextInt(4);
    };
  }

  private int number() {
    return switch (random.nextInt(4)) {
      case 0 -> -1 - random.nextInt(3);
      case 1 -> 1 << random.nextInt(Integer.SIZE);
      case 2 -> random.nextInt(300);
      default -> random.nextInt();
    };
  }

  /** 64 bits that are safe as a pointer, and make sense as an IOVA or a length. */
  private long pointer() {
    return switch (random.nextInt(8)) {
      case 0 -> -1 - random.nextInt(5000);
      case 1 -> Long.MIN_VALUE + ((long) random.nextInt() << 12);
      case 2, 3 -> memory.address() + ((long) random.nextInt(64) << 12) + random.nextInt(2) * 8L;
      case 4 -> 0;
      case 5 -> random.nextInt(4096);
      default -> (long) random.nextInt(LOWEST_MEMORY >> 12) << 12;
    };
  }
}
