// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

class IommufdTest {
  private static final int DESTROY = 0x3b80;
  private static final int ALLOC = 0x3b81;
  private static final int ALLOW = 0x3b82;
  private static final int COPY = 0x3b83;
  private static final int RANGES = 0x3b84;
  private static final int MAP = 0x3b85;
  private static final int UNMAP = 0x3b86;
  private static final int OPTION = 0x3b87;

  private final IommufdStub stub = new IommufdStub();
  private final Kernel kernel = stub.kernel();
  private Iommufd iommufd;
  private Ioas ioas;

  @BeforeEach
  void open() {
    iommufd = Iommufd.open(kernel);
    ioas = iommufd.allocateIoas();
  }

  @AfterEach
  void close() {
    stub.answer = block -> 0;
    ioas.close();
    iommufd.close();
  }

  /** Ints and longs in the machine's order, as C lays them out. */
  private static byte[] bytes(Number... fields) {
    ByteBuffer buffer = ByteBuffer.allocate(128).order(ByteOrder.nativeOrder());
    for (Number field : fields) {
      if (field instanceof Long) {
        buffer.putLong(field.longValue());
      } else if (field instanceof Short) {
        buffer.putShort(field.shortValue());
      } else {
        buffer.putInt(field.intValue());
      }
    }
    byte[] result = new byte[buffer.position()];
    buffer.flip().get(result);
    return result;
  }

  private void sent(int request, Number... fields) {
    assertThat(stub.last().request()).isEqualTo(request);
    assertThat(stub.last().bytes().array()).containsExactly(bytes(fields));
  }

  private static VfioException failure(ThrowingCallable call) {
    return catchThrowableOfType(VfioException.class, call);
  }

  private void answer(Errno errno) {
    stub.answer = block -> errno.result();
  }

  @Test
  void everyCallIsEncodedAsTheHeaderHasIt() {
    sent(ALLOC, 12, 0, 0);
    assertThat(ioas.id()).isEqualTo(new IoasId(5));
    ioas.map(0x7000_0000_1000L, 0x2000, 0xffff_ffff_ffff_0000L, DmaAccess.READ_WRITE);
    sent(MAP, 40, 7, 5, 0, 0x7000_0000_1000L, 0x2000L, 0xffff_ffff_ffff_0000L);
    ioas.map(0x1000, 0x2000, 0x3000, DmaAccess.READ);
    sent(MAP, 40, 5, 5, 0, 0x1000L, 0x2000L, 0x3000L);
    ioas.map(0x1000, 0x2000, 0x3000, DmaAccess.WRITE);
    sent(MAP, 40, 3, 5, 0, 0x1000L, 0x2000L, 0x3000L);
    stub.answer =
        block -> {
          block.putLong(32, 0x9000);
          return 0;
        };
    assertThat(ioas.map(0x1000, 0x2000, DmaAccess.READ_WRITE)).isEqualTo(0x9000);
    sent(MAP, 40, 6, 5, 0, 0x1000L, 0x2000L, 0L);
    stub.answer =
        block -> {
          block.putLong(16, 0x4000);
          return 0;
        };
    assertThat(ioas.unmap(0x1000, 0x2000)).isEqualTo(0x4000);
    sent(UNMAP, 24, 5, 0x1000L, 0x2000L);
    assertThat(ioas.unmapAll()).isEqualTo(0x4000);
    sent(UNMAP, 24, 5, 0L, -1L);
    Ioas other = iommufd.allocateIoas();
    stub.answer =
        block -> {
          block.putLong(24, 0xa000);
          return 0;
        };
    other.copy(ioas, 0x1000, 0x2000, 0x5000, DmaAccess.READ);
    sent(COPY, 40, 5, 6, 5, 0x2000L, 0x5000L, 0x1000L);
    assertThat(other.copy(ioas, 0x1000, 0x2000, DmaAccess.READ_WRITE)).isEqualTo(0xa000);
    sent(COPY, 40, 6, 6, 5, 0x2000L, 0L, 0x1000L);
    stub.answer = block -> 0;
    ioas.setHugePages(true);
    sent(OPTION, 24, 1, (short) 0, (short) 0, 5, 1L);
    assertThat(ioas.hugePages()).isFalse();
    sent(OPTION, 24, 1, (short) 1, (short) 0, 5, 0L);
    iommufd.setRlimitMode(RlimitMode.PER_PROCESS);
    sent(OPTION, 24, 0, (short) 0, (short) 0, 0, 1L);
    assertThat(iommufd.rlimitMode()).isEqualTo(RlimitMode.PER_USER);
    iommufd.destroy(-2);
    sent(DESTROY, 8, -2);
  }

  @Test
  void allowedRangesArePassedAsAnArray() {
    List<Long> seen = new ArrayList<>();
    stub.answer =
        block -> {
          NativeBlock array = readBack(block.getLong(16), 32);
          for (int at = 0; at < 32; at += 8) {
            seen.add(array.getLong(at));
          }
          return 0;
        };
    ioas.allowIovas(List.of(new IovaRange(0x1000, 0x1fff), new IovaRange(0x5000, -1)));
    assertThat(stub.last().request()).isEqualTo(ALLOW);
    assertThat(stub.last().bytes().getLong(0)).isEqualTo(5L << 32 | 24);
    assertThat(stub.last().bytes().getLong(8)).isEqualTo(2);
    assertThat(seen).containsExactly(0x1000L, 0x1fffL, 0x5000L, -1L);
    stub.answer = block -> 0;
    ioas.allowIovas(List.of());
    sent(ALLOW, 24, 5, 0, 0, 0L);
  }

  /** Through the host's kernel, which is asked to read from the address. */
  private static NativeBlock readBack(long address, int length) {
    Kernel host = Kernel.host();
    int fd = host.open("/proc/self/mem", 0);
    NativeBlock copy = new NativeBlock(length);
    assertThat(host.pread(fd, copy, length, address)).isEqualTo(length);
    host.close(fd);
    return copy;
  }

  private static void writeTo(long address, long... values) {
    Kernel host = Kernel.host();
    int fd = host.open("/proc/self/mem", 2);
    NativeBlock block = new NativeBlock(values.length * 8);
    for (int i = 0; i < values.length; i++) {
      block.putLong(i * 8, values[i]);
    }
    assertThat(host.pwrite(fd, block, block.capacity(), address)).isEqualTo(block.capacity());
    host.close(fd);
  }

  private void answerRanges(long... startsAndLasts) {
    stub.answer =
        block -> {
          int room = block.getInt(8);
          int count = startsAndLasts.length / 2;
          block.putInt(8, count);
          block.putLong(24, 4096);
          if (room < count) {
            return Errno.EMSGSIZE.result();
          }
          if (count > 0) {
            writeTo(block.getLong(16), startsAndLasts);
          }
          return 0;
        };
  }

  @Test
  void moreRangesThanExpectedAreAskedForAgain() {
    long[] many = new long[40];
    for (int i = 0; i < 20; i++) {
      many[2 * i] = i * 0x10000L;
      many[2 * i + 1] = i * 0x10000L + 0xfff;
    }
    answerRanges(many);
    assertThat(ioas.allowedIovas()).hasSize(20).contains(new IovaRange(0x130000, 0x130fff));
    assertThat(stub.calls.stream().filter(call -> call.request() == RANGES)).hasSize(2);
    assertThat(ioas.iovaAlignment()).isEqualTo(4096);
    // Not for ever, when the kernel does not say how many there are.
    stub.answer = block -> Errno.EMSGSIZE.result();
    assertThat(failure(ioas::allowedIovas).errno()).contains(Errno.EMSGSIZE);
  }

  @Test
  void reservedIsWhatIsNotAllowed() {
    answerRanges(0, -1);
    assertThat(ioas.reservedIovas()).isEmpty();
    answerRanges();
    assertThat(ioas.reservedIovas()).containsExactly(IovaRange.ALL);
    answerRanges(0, 0xfedfffffL, 0xfef00000L, 0x7fffffffffL);
    assertThat(ioas.reservedIovas())
        .containsExactly(new IovaRange(0xfee00000L, 0xfeefffffL), new IovaRange(0x8000000000L, -1));
    answerRanges(0x1000, 0x1fff, 0x2000, 0x2fff, -0x1000, -1);
    assertThat(ioas.reservedIovas())
        .containsExactly(new IovaRange(0, 0xfff), new IovaRange(0x3000, -0x1001));
  }

  @ParameterizedTest
  @CsvSource({
    "EEXIST,OVERLAP,mapped already,let the kernel choose",
    "ENOMEM,LIMIT,,ulimit -l",
    "EFAULT,INVALID_ARGUMENT,0x1000-0x2fff,",
    "EOVERFLOW,INVALID_ARGUMENT,64 bits,",
    "ENOSPC,LIMIT,no free range,",
    "ENOENT,NO_SUCH_DEVICE,does not exist,",
    "ENOTTY,NOT_IN_KERNEL,,",
    "EIO,OTHER,,"
  })
  void aMapThatFailsSaysWhy(Errno errno, Reason reason, String fact, String hint) {
    answer(errno);
    VfioException e = failure(() -> ioas.map(0x1000, 0x2000, 0x3000, DmaAccess.READ));
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    assertThat(e.operation()).isEqualTo("IOMMU_IOAS_MAP");
    assertThat(e.object()).isEqualTo("of 8 KiB at IOVA 0x3000 in IOAS 5 of /dev/iommu");
    assertThat(e.fact()).contains(fact == null ? "" : fact);
    assertThat(e.hint()).contains(hint == null ? "" : hint);
    assertThat(ioas.tryMap(0x1000, 0x2000, 0x3000, DmaAccess.READ)).isEqualTo(errno.result());
    assertThat(failure(() -> ioas.map(0x1000, 0x2000, DmaAccess.READ)).reason()).isEqualTo(reason);
  }

  @Test
  void aMapThatIsNotAllowedSaysWhatIs() {
    stub.answer =
        block -> {
          if (block.getInt(0) == 32) { // IOMMU_IOAS_IOVA_RANGES
            block.putInt(8, 1);
            block.putLong(24, 4096);
            writeTo(block.getLong(16), 0x10000, 0x1ffff);
            return 0;
          }
          return Errno.EINVAL.result();
        };
    assertThat(failure(() -> ioas.map(1, 0x1000, 0x3000, DmaAccess.READ)).fact())
        .isEqualTo(
            "the range is unaligned or not allowed: the alignment is 4 KiB, allowed are"
                + " [0x10000-0x1ffff]");
    assertThat(failure(() -> ioas.map(1, 0, 0x3000, DmaAccess.READ)).fact())
        .isEqualTo("the length is 0");
    assertThat(failure(() -> ioas.map(1, -1, 0x3000, DmaAccess.READ)).fact())
        .isEqualTo("the length is negative");
    // The evidence cannot be had: the failure itself must get out.
    answer(Errno.EINVAL);
    assertThat(failure(() -> ioas.map(1, 1, 0x3000, DmaAccess.READ)))
        .hasMessageContaining("IOMMU_IOAS_MAP of 1 byte")
        .hasMessageContaining("unaligned or not allowed");
  }

  @ParameterizedTest
  @CsvSource({
    "ENOENT,INVALID_ARGUMENT,only a part of a mapping",
    "EINVAL,INVALID_ARGUMENT,length is 0",
    "EOVERFLOW,INVALID_ARGUMENT,64 bits",
    "EBUSY,IN_USE,another thread",
    "EDEADLK,IN_USE,mediated"
  })
  void anUnmapThatFailsSaysWhy(Errno errno, Reason reason, String fact) {
    answer(errno);
    VfioException e = failure(() -> ioas.unmap(0x1000, 0x1000));
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    assertThat(e.fact()).contains(fact);
    assertThat(ioas.tryUnmap(0x1000, 0x1000)).isEqualTo(errno.result());
    assertThat(ioas.releaseMapping(0x1000, 0x1000)).isEqualTo(errno.result());
  }

  @Test
  void anEmptySpaceIsUnmappedWithoutAnErrorOnOldAndNewKernels() {
    answer(Errno.ENOENT);
    assertThat(ioas.unmapAll()).isZero();
    stub.answer =
        block -> {
          block.putLong(16, 0);
          return 0;
        };
    assertThat(ioas.unmapAll()).isZero();
    answer(Errno.EDEADLK);
    assertThat(failure(ioas::unmapAll).reason()).isEqualTo(Reason.IN_USE);
  }

  @Test
  void moreBytesThanALongHoldsAreNoError() {
    stub.answer =
        block -> {
          block.putLong(16, -4096);
          return 0;
        };
    assertThat(ioas.unmapAll()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void copiesThatFailSayWhy() {
    answer(Errno.ENOENT);
    assertThat(failure(() -> ioas.copy(ioas, 1, 2, 3, DmaAccess.READ)).fact()).contains("source");
    answer(Errno.EPERM);
    VfioException e = failure(() -> ioas.copy(ioas, 1, 2, 3, DmaAccess.READ_WRITE));
    assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(e.fact()).contains("writeable");
    answer(Errno.EEXIST);
    assertThat(failure(() -> ioas.copy(ioas, 1, 2, 3, DmaAccess.READ)).reason())
        .isEqualTo(Reason.OVERLAP);
  }

  @Test
  void optionsAndAllowAndDestroyThatFailSayWhy() {
    answer(Errno.EPERM);
    assertThat(failure(() -> iommufd.setRlimitMode(RlimitMode.PER_PROCESS)).fact())
        .contains("CAP_SYS_RESOURCE");
    answer(Errno.EBUSY);
    assertThat(failure(() -> iommufd.setRlimitMode(RlimitMode.PER_PROCESS)).hint())
        .contains("right after opening");
    assertThat(failure(() -> iommufd.destroy(9)))
        .hasMessageContaining("object 9 of /dev/iommu failed: EBUSY")
        .hasMessageContaining("detach");
    answer(Errno.EADDRINUSE);
    assertThat(failure(() -> ioas.setHugePages(false)).reason()).isEqualTo(Reason.OVERLAP);
    VfioException e = failure(() -> ioas.allowIovas(List.of(IovaRange.ALL)));
    assertThat(e.reason()).isEqualTo(Reason.OVERLAP);
    assertThat(e.fact()).contains("reserved");
    answer(Errno.EINVAL);
    assertThat(failure(() -> ioas.allowIovas(List.of(IovaRange.ALL))).fact()).contains("overlap");
    answer(Errno.ENOENT);
    assertThat(failure(() -> ioas.allowIovas(List.of())).fact()).contains("does not exist");
    assertThat(failure(() -> iommufd.destroy(9)).reason()).isEqualTo(Reason.NO_SUCH_DEVICE);
  }

  @Test
  void theContextStaysOpenForItsSpaces() {
    Ioas second = iommufd.allocateIoas();
    iommufd.close();
    assertThat(stub.order).isEmpty();
    assertThatThrownBy(iommufd::allocateIoas).hasMessageContaining("closed before");
    ioas.map(0x1000, 0x1000, 0x1000, DmaAccess.READ);
    ioas.close();
    ioas.close();
    assertThat(failure(() -> ioas.map(0x1000, 0x1000, 0x1000, DmaAccess.READ)).reason())
        .isEqualTo(Reason.CLOSED);
    second.close();
    assertThat(stub.order).containsExactly("destroy 5", "destroy 6", "close");
  }

  @Test
  void aBorrowedSpaceIsNotDestroyedButKeepsTheContextOpen() {
    ioas.close();
    stub.order.clear();
    Ioas borrowed = iommufd.borrowIoas(new IoasId(42));
    iommufd.close();
    assertThat(stub.order).isEmpty();
    borrowed.unmap(1, 1);
    borrowed.close();
    assertThat(stub.order).containsExactly("close");
  }

  @Test
  void aDestroyThatFailsClosesTheContextAllTheSame() {
    answer(Errno.EBUSY);
    iommufd.close();
    assertThat(failure(ioas::close).reason()).isEqualTo(Reason.IN_USE);
    ioas.close();
    assertThat(stub.order).containsExactly("destroy 5", "close");
  }

  @Test
  void buffersAreUnmappedBeforeTheirSpaceIsDestroyed() {
    stub.answer =
        block -> {
          if (block.getInt(0) == 24) {
            stub.order.add("unmap");
          }
          return 0;
        };
    DmaBuffer buffer = ioas.allocate(1);
    ioas.close();
    iommufd.close();
    buffer.close();
    assertThat(stub.order).containsExactly("unmap", "destroy 5", "close");
  }

  @Test
  void anAdoptedDescriptorIsOwned() {
    Iommufd adopted = Iommufd.adopt(kernel, IommufdStub.FD);
    assertThat(adopted).hasToString("/dev/iommu (fd 77)");
    adopted.close();
    assertThat(stub.order).containsExactly("close");
  }

  @Test
  void aKernelWithoutIommufdIsToldApart() {
    stub.openResult = Errno.ENOENT.result();
    VfioException e = failure(() -> Iommufd.open(kernel));
    assertThat(e.reason()).isEqualTo(Reason.NOT_IN_KERNEL);
    assertThat(e.hint()).contains("6.2", "CONFIG_IOMMUFD", "modprobe iommufd");
    stub.openResult = Errno.ENODEV.result();
    assertThat(failure(() -> Iommufd.open(kernel)).hint()).contains("modprobe iommufd");
  }

  @Test
  void mappingAndUnmappingAllocateNothing() {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    // The real port on a file that refuses every ioctl: ENOTTY.
    Kernel host = Kernel.host();
    try (Iommufd file = Iommufd.adopt(host, host.open("/dev/null", 2));
        Ioas space = file.borrowIoas(new IoasId(1))) {
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 60 && least != 0; round++) {
        long before = threads.getThreadAllocatedBytes(self);
        for (int i = 0; i < 5000; i++) {
          space.tryMap(0x1000, 0x1000, 0x1000, DmaAccess.READ_WRITE);
          space.tryUnmap(0x1000, 0x1000);
        }
        least = Math.min(least, threads.getThreadAllocatedBytes(self) - before);
      }
      assertThat(least).isZero();
    }
  }
}
