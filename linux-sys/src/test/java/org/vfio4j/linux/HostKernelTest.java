// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.Errno;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

@Timeout(60)
class HostKernelTest {
  private static final int PRIVATE = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;

  private final Kernel kernel = Kernel.host();
  @TempDir private Path folder;

  private Path file(String name, String content) throws Exception {
    return Files.writeString(folder.resolve(name), content);
  }

  @Test
  void opensWithTheErrnoOfTheKernelAndClosesOnExec() throws Exception {
    assertThat(kernel.open(folder + "/nothing", Linux.O_RDONLY)).isEqualTo(-2);
    assertThat(kernel.open(file("f", "") + "/below", Linux.O_RDONLY))
        .isEqualTo(Errno.ENOTDIR.result());
    assertThat(kernel.open(folder.toString(), Linux.O_RDWR)).isEqualTo(Errno.EISDIR.result());
    assertThat(kernel.open(folder + "/" + "x".repeat(300), Linux.O_RDONLY))
        .isEqualTo(Errno.ENAMETOOLONG.result());
    assertThatThrownBy(() -> kernel.open("/dev/null\0/etc/passwd", Linux.O_RDONLY))
        .isInstanceOf(IllegalArgumentException.class);
    int fd = kernel.open("/dev/null", Linux.O_RDWR);
    int copy = kernel.dup(fd);
    for (int each : new int[] {fd, copy}) {
      String info = text(kernel.readFile("/proc/self/fdinfo/" + each));
      assertThat(info).containsPattern("flags:\\s+02[0-9]{6}"); // O_CLOEXEC
      assertThat(kernel.close(each)).isZero();
      assertThat(kernel.close(each)).isEqualTo(Errno.EBADF.result());
    }
  }

  @Test
  void readsAndWritesWhereItIsTold() throws Exception {
    int fd = kernel.open(file("f", "0123456789").toString(), Linux.O_RDWR);
    NativeBlock block = new NativeBlock(8);
    assertThat(kernel.pread(fd, block, 4, 3)).isEqualTo(4);
    assertThat(new String(block.get(0, 5), StandardCharsets.US_ASCII)).isEqualTo("3456\0");
    assertThat(kernel.pread(fd, block, 8, 8)).isEqualTo(2);
    assertThat(kernel.pread(fd, block, 8, 100)).isZero();
    assertThat(kernel.pread(fd, block, 8, -1)).isEqualTo(Errno.EINVAL.result());
    block.put(0, new byte[] {'a', 'b'});
    assertThat(kernel.pwrite(fd, block, 2, 5)).isEqualTo(2);
    assertThat(kernel.read(fd, block, 8)).isEqualTo(8);
    assertThat(new String(block.get(0, 8), StandardCharsets.US_ASCII)).isEqualTo("01234ab7");
    assertThat(kernel.write(fd, block, 1)).isEqualTo(1);
    assertThat(folder.resolve("f")).hasContent("01234ab709");
    assertThatThrownBy(() -> kernel.read(fd, block, 9))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> kernel.pwrite(fd, block, -1, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(kernel.ioctl(fd, 0x3b64, 0)).isEqualTo(Errno.ENOTTY.result());
    assertThat(kernel.ioctl(fd, 0x3b64, block)).isEqualTo(Errno.ENOTTY.result());
    kernel.close(fd);
  }

  @Test
  void readsWholeFiles() throws Exception {
    assertThat(text(kernel.readFile("/proc/self/status"))).startsWith("Name:").contains("VmPin");
    String big = "x".repeat(300_000);
    assertThat(text(kernel.readFile(file("big", big).toString()))).isEqualTo(big);
    assertThat(kernel.readFile(file("empty", "").toString()).value()).isEmpty();
    assertThat(kernel.readFile(folder.toString()).errno()).isEqualTo(Errno.EISDIR);
    assertThat(kernel.readFile("/nothing").errno()).isEqualTo(Errno.ENOENT);
    assertThat(kernel.readFile("/dev/zero").errno()).as("no end").isEqualTo(Errno.EFBIG);
  }

  @Test
  void writesExistingFilesOnly() throws Exception {
    Path target = file("f", "before");
    assertThat(kernel.writeFile(target.toString(), "after!!".getBytes(StandardCharsets.US_ASCII)))
        .isEqualTo(7);
    assertThat(target).hasContent("after!!");
    assertThat(kernel.writeFile(target.toString(), new byte[0])).isZero();
    assertThat(kernel.writeFile(folder + "/new", new byte[1])).isEqualTo(Errno.ENOENT.result());
    assertThat(kernel.writeFile("/dev/full", new byte[1])).isEqualTo(Errno.ENOSPC.result());
  }

  @Test
  void listsFoldersThatTakeSeveralCalls() throws Exception {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      String name = String.format("%04d-%s", i, "é".repeat(60));
      Files.createFile(folder.resolve(name));
      names.add(name);
    }
    assertThat(kernel.list(folder.toString()).value()).isEqualTo(names);
    assertThat(kernel.list("/nothing").errno()).isEqualTo(Errno.ENOENT);
    assertThat(kernel.list("/dev/null").errno()).isEqualTo(Errno.ENOTDIR);
    assertThat(kernel.list(Files.createDirectory(folder.resolve("d")).toString()).value())
        .isEmpty();
  }

  @Test
  void readsLinksAsTheyAre() throws Exception {
    Path link = folder.resolve("l");
    Files.createSymbolicLink(link, Path.of("../no/such/thing"));
    assertThat(kernel.readLink(link.toString()).value()).isEqualTo("../no/such/thing");
    assertThat(kernel.readLink(file("f", "").toString()).errno()).isEqualTo(Errno.EINVAL);
    assertThat(kernel.readLink("/nothing").errno()).isEqualTo(Errno.ENOENT);
  }

  @Test
  void leaksNoDescriptor() throws Exception {
    int before = kernel.list("/proc/self/fd").value().size();
    for (int i = 0; i < 50; i++) {
      kernel.readFile("/proc/self/status");
      kernel.readFile("/proc");
      kernel.list("/proc/self");
      kernel.list("/dev/null");
      kernel.writeFile("/dev/full", new byte[1]);
    }
    assertThat(kernel.list("/proc/self/fd").value()).hasSizeLessThan(before + 20);
  }

  @Test
  void mapsWithTheErrnoOfTheKernel() throws Exception {
    int rw = Linux.PROT_READ | Linux.PROT_WRITE;
    assertThat(kernel.mmap(-1, 0, 0, rw, PRIVATE).errno()).isEqualTo(Errno.EINVAL);
    assertThat(kernel.mmap(-1, 0, -4096, rw, PRIVATE).errno()).isEqualTo(Errno.ENOMEM);
    assertThat(kernel.mmap(-1, 0, 4096, rw, Linux.MAP_SHARED).errno()).isEqualTo(Errno.EBADF);
    int fd = kernel.open(file("f", "0123").toString(), Linux.O_RDONLY);
    assertThat(kernel.mmap(fd, 1, 4096, Linux.PROT_READ, Linux.MAP_SHARED).errno())
        .isEqualTo(Errno.EINVAL);
    assertThat(kernel.mmap(fd, 0, 4096, rw, Linux.MAP_SHARED).errno()).isEqualTo(Errno.EACCES);
    MappedMemory memory = kernel.mmap(fd, 0, 4096, Linux.PROT_READ, Linux.MAP_SHARED).value();
    kernel.close(fd);
    assertThat(memory.getIntLe(0)).isEqualTo(0x33323130);
    assertThat(kernel.munmap(memory)).isZero();
    assertThat(kernel.munmap(memory)).isZero();
    assertThatThrownBy(() -> kernel.mmap(-1, 0, 4096, rw, PRIVATE | Linux.MAP_FIXED))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> kernel.mmap(-1, 0, 4096, Linux.PROT_NONE, PRIVATE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static String text(Result<byte[]> content) {
    return new String(content.value(), StandardCharsets.UTF_8);
  }
}
