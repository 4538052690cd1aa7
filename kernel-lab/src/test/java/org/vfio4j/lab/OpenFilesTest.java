// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** What the files of devices and attributes have as files: how they are opened, and where. */
@Tag("lab")
class OpenFilesTest {
  private static final int NO_FILE = -1;
  private static final int LENGTH = Integer.BYTES;
  private static final String ENTRY_LIMIT =
      "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit";

  private final NativeBlock word = new NativeBlock(LENGTH);
  private final List<Integer> open = new ArrayList<>();

  @AfterEach
  void close() {
    open.forEach(Lab.KERNEL::close);
  }

  private int open(String path, int mode) {
    int fd = Lab.KERNEL.open(path, mode);
    assertThat(fd).as(path).isNotNegative();
    open.add(fd);
    return fd;
  }

  private static Errno refused(long result) {
    return result < 0 ? Errno.ofResult(result) : null;
  }

  private static Errno mapped(int fd, int protection) {
    Result<MappedMemory> memory = Lab.KERNEL.mmap(fd, 0, Memory.PAGE, protection, Linux.MAP_SHARED);
    if (!memory.isOk()) {
      return memory.errno();
    }
    Lab.KERNEL.munmap(memory.value());
    return null;
  }

  /** The node of edu, bound. */
  private int open(Iommufd iommufd, int mode) {
    int fd = open(VfioCdev.find(Lab.KERNEL, Lab.EDU).node(), mode);
    VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd().iommufd(iommufd.fd());
    assertThat(Lab.KERNEL.ioctl(fd, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind)).isZero();
    return fd;
  }

  @Test
  void aDeviceForReading() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      int fd = open(iommufd, Linux.O_RDONLY);
      assertThat(Lab.KERNEL.pread(fd, word, LENGTH, Edu.IDENTIFICATION)).isEqualTo(LENGTH);
      assertThat(word.getInt(0)).isEqualTo(Edu.IDENTITY);
      assertThat(refused(Lab.KERNEL.pwrite(fd, word, LENGTH, Edu.LIVENESS))).isEqualTo(Errno.EBADF);
      assertThat(refused(Lab.KERNEL.write(fd, word, LENGTH))).isEqualTo(Errno.EBADF);
      assertThat(mapped(fd, Linux.PROT_READ | Linux.PROT_WRITE)).isEqualTo(Errno.EACCES);
      assertThat(mapped(fd, Linux.PROT_READ)).as("not shared in truth").isEqualTo(Errno.EINVAL);
    }
  }

  @Test
  void aDeviceForWriting() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      int fd = open(iommufd, Linux.O_WRONLY);
      assertThat(Lab.KERNEL.pwrite(fd, word, LENGTH, Edu.LIVENESS)).isEqualTo(LENGTH);
      assertThat(refused(Lab.KERNEL.pread(fd, word, LENGTH, 0))).isEqualTo(Errno.EBADF);
      assertThat(refused(Lab.KERNEL.read(fd, word, LENGTH))).isEqualTo(Errno.EBADF);
      assertThat(mapped(fd, Linux.PROT_READ | Linux.PROT_WRITE)).isEqualTo(Errno.EACCES);
      assertThat(mapped(fd, Linux.PROT_WRITE)).isEqualTo(Errno.EACCES);
    }
  }

  /** The first region is at position 0; what is read or written elsewhere does not move it. */
  @Test
  void aDeviceHasAPosition() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      int fd = open(iommufd, Linux.O_RDWR);
      word.putInt(0, 0x1234);
      Lab.KERNEL.pwrite(fd, word, LENGTH, Edu.LIVENESS);
      assertThat(Lab.KERNEL.read(fd, word, LENGTH)).isEqualTo(LENGTH);
      assertThat(word.getInt(0)).isEqualTo(Edu.IDENTITY);
      assertThat(Lab.KERNEL.read(fd, word, LENGTH)).isEqualTo(LENGTH);
      assertThat(word.getInt(0)).isEqualTo(~0x1234);
      Lab.KERNEL.close(open.remove(0));
      fd = open(iommufd, Linux.O_RDWR);
      Lab.KERNEL.read(fd, word, LENGTH);
      word.putInt(0, 0x4321);
      assertThat(Lab.KERNEL.write(fd, word, LENGTH)).isEqualTo(LENGTH);
      Lab.KERNEL.pread(fd, word, LENGTH, Edu.LIVENESS);
      assertThat(word.getInt(0)).isEqualTo(~0x4321);
    }
  }

  /** An offset is looked at before the descriptor. */
  @Test
  void offsetsOfNoFile() {
    assertThat(refused(Lab.KERNEL.pread(NO_FILE, word, LENGTH, -1))).isEqualTo(Errno.EINVAL);
    assertThat(refused(Lab.KERNEL.pwrite(NO_FILE, word, LENGTH, -1))).isEqualTo(Errno.EINVAL);
    assertThat(refused(Lab.KERNEL.pread(NO_FILE, word, LENGTH, 0))).isEqualTo(Errno.EBADF);
    int anonymous = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    assertThat(Lab.KERNEL.mmap(NO_FILE, 1, Memory.PAGE, Linux.PROT_READ, anonymous).errno())
        .isEqualTo(Errno.EINVAL);
    assertThat(Lab.KERNEL.mmap(NO_FILE, 1, Memory.PAGE, Linux.PROT_READ, Linux.MAP_SHARED).errno())
        .isEqualTo(Errno.EINVAL);
  }

  private static Errno limit(String text) {
    return refused(Lab.KERNEL.writeFile(ENTRY_LIMIT, text.getBytes(US_ASCII)));
  }

  private static String limit() {
    return new String(Lab.KERNEL.readFile(ENTRY_LIMIT).value(), US_ASCII).strip();
  }

  @Test
  void aNumberIsWritten() {
    String before = limit();
    try {
      assertThat(limit("0x10")).isNull();
      assertThat(limit()).isEqualTo("16");
      assertThat(limit("010\n")).isNull();
      assertThat(limit()).isEqualTo("8");
      assertThat(limit("+4294967295")).isNull();
      assertThat(limit()).isEqualTo("4294967295");
      for (String wrong : new String[] {" 5", "5 ", "-1", "08", "0x", "five", "\n"}) {
        assertThat(limit(wrong)).as(wrong).isEqualTo(Errno.EINVAL);
      }
      for (String large : new String[] {"5000000000", "99999999999999999999", "0x100000000"}) {
        assertThat(limit(large)).as(large).isEqualTo(Errno.ERANGE);
      }
      assertThat(limit()).isEqualTo("4294967295");
    } finally {
      limit(before);
    }
  }

  /** Written at an offset it is written all the same, and writing nothing changes nothing. */
  @Test
  void anAttributeIsWritten() {
    String before = limit();
    int fd = open(ENTRY_LIMIT, Linux.O_RDWR);
    try {
      NativeBlock text = NativeBlock.ofString("77");
      assertThat(Lab.KERNEL.write(fd, text, 0)).isZero();
      assertThat(limit()).isEqualTo(before);
      assertThat(Lab.KERNEL.pwrite(fd, text, 2, 5)).isEqualTo(2);
      assertThat(limit()).isEqualTo("77");
      int reader = open(ENTRY_LIMIT, Linux.O_RDONLY);
      assertThat(refused(Lab.KERNEL.write(reader, text, 2))).isEqualTo(Errno.EBADF);
    } finally {
      limit(before);
    }
  }

  @Test
  @Tag("mdev")
  void anAttributeOfWhatIsGone() {
    Mdev mdev = MdevBus.of(Lab.KERNEL).parent("mtty").type("mtty-1").create();
    String device = "/sys/bus/mdev/devices/" + mdev.uuid();
    int fd = open(device + "/uevent", Linux.O_RDONLY);
    int remove = open(device + "/remove", Linux.O_WRONLY);
    assertThat(Lab.KERNEL.pread(fd, word, 1, 0)).isEqualTo(1);
    assertThat(refused(Lab.KERNEL.pread(remove, word, 1, 0))).isEqualTo(Errno.EBADF);
    mdev.remove();
    assertThat(Lab.KERNEL.pread(fd, word, 1, 1)).as("of what was read before").isEqualTo(1);
    assertThat(refused(Lab.KERNEL.pread(fd, word, 1, 1))).isEqualTo(Errno.ENODEV);
    assertThat(refused(Lab.KERNEL.pread(fd, word, 1, 0))).isEqualTo(Errno.ENODEV);
    assertThat(refused(Lab.KERNEL.write(remove, word, 1))).isEqualTo(Errno.ENODEV);
  }
}
