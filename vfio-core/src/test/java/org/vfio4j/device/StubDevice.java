// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqInfo;
import org.vfio4j.device.uapi.VfioRegionInfo;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * A device file at the port, as a test says: its answers are bytes, so that they can be wrong. The
 * eventfds are real ones.
 */
final class StubDevice {
  static final int FD = 1_000_000;
  static final int REGION_SHIFT = 40;

  final Kernel kernel = mock(Kernel.class);
  final Map<Integer, ToIntFunction<NativeBlock>> ioctls = new HashMap<>();
  final Map<Integer, byte[]> regions = new HashMap<>();
  final List<byte[]> irqSets = new ArrayList<>();
  final List<String> calls = new ArrayList<>();

  int deviceFlags = VfioDeviceUapi.VFIO_DEVICE_FLAGS_PCI | VfioDeviceUapi.VFIO_DEVICE_FLAGS_RESET;
  int regionFlags = 3;
  byte[] regionCaps = new byte[0];
  int firstCap = VfioRegionInfo.SIZEOF;
  int irqFlags = VfioDeviceUapi.VFIO_IRQ_INFO_EVENTFD;
  int irqCount = 4;
  int setIrqsResult;
  int resetResult;
  int transferResult;
  InternalError memoryError;

  StubDevice() {
    Kernel host = Kernel.host();
    when(kernel.roots()).thenReturn(Roots.DEFAULT);
    when(kernel.pageSize()).thenReturn(4096);
    when(kernel.eventfd(anyInt(), anyInt()))
        .thenAnswer(call -> host.eventfd(call.getArgument(0), call.getArgument(1)));
    when(kernel.read(anyInt(), any(), anyInt()))
        .thenAnswer(
            call -> host.read(call.getArgument(0), call.getArgument(1), call.getArgument(2)));
    when(kernel.write(anyInt(), any(), anyInt()))
        .thenAnswer(
            call -> host.write(call.getArgument(0), call.getArgument(1), call.getArgument(2)));
    when(kernel.poll(any(), anyInt(), anyInt()))
        .thenAnswer(
            call -> host.poll(call.getArgument(0), call.getArgument(1), call.getArgument(2)));
    when(kernel.close(anyInt()))
        .thenAnswer(
            call -> {
              int fd = call.getArgument(0);
              calls.add(fd == FD ? "close device" : "close eventfd");
              return fd == FD ? 0 : host.close(fd);
            });
    when(kernel.ioctl(anyInt(), anyInt(), any(NativeBlock.class)))
        .thenAnswer(call -> ioctl(call.getArgument(1), call.getArgument(2)));
    when(kernel.ioctl(anyInt(), anyInt(), anyLong())).thenAnswer(call -> resetResult);
    when(kernel.pread(anyInt(), any(), anyInt(), anyLong()))
        .thenAnswer(
            call -> transfer(false, call.getArgument(1), call.getArgument(2), call.getArgument(3)));
    when(kernel.pwrite(anyInt(), any(), anyInt(), anyLong()))
        .thenAnswer(
            call -> transfer(true, call.getArgument(1), call.getArgument(2), call.getArgument(3)));
    when(kernel.mmap(anyInt(), anyLong(), anyLong(), anyInt(), anyInt()))
        .thenAnswer(call -> mmap(call.getArgument(1), call.getArgument(2)));
    when(kernel.munmap(any()))
        .thenAnswer(
            call -> {
              calls.add("munmap");
              return call.<StubMemory>getArgument(0).unmap();
            });
    ioctls.put(VfioDeviceUapi.VFIO_DEVICE_GET_INFO, this::deviceInfo);
    ioctls.put(VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO, this::regionInfo);
    ioctls.put(VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO, this::irqInfo);
    ioctls.put(VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, this::setIrqs);
  }

  VfioDevice open() {
    return VfioDevice.adopt(kernel, FD, "0000:00:05.0");
  }

  /** Little-endian 32-bit words. */
  static byte[] words(int... words) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int word : words) {
      bytes.putInt(word);
    }
    return bytes.array();
  }

  private int ioctl(int request, NativeBlock argument) {
    ToIntFunction<NativeBlock> answer = ioctls.get(request);
    return answer == null ? Errno.ENOTTY.result() : answer.applyAsInt(argument);
  }

  private int deviceInfo(NativeBlock info) {
    info.putInt(VfioDeviceInfo.FLAGS, deviceFlags);
    info.putInt(VfioDeviceInfo.NUM_REGIONS, 9);
    info.putInt(VfioDeviceInfo.NUM_IRQS, 5);
    return 0;
  }

  private int regionInfo(NativeBlock info) {
    int index = info.getInt(VfioRegionInfo.INDEX);
    byte[] region = regions.get(index);
    info.putInt(VfioRegionInfo.FLAGS, region == null ? 0 : regionFlags);
    info.putLong(VfioRegionInfo.SIZE, region == null ? 0 : region.length);
    info.putLong(VfioRegionInfo.OFFSET, (long) index << REGION_SHIFT);
    if (regionCaps.length > 0) {
      info.putInt(VfioRegionInfo.FLAGS, regionFlags | VfioDeviceUapi.VFIO_REGION_INFO_FLAG_CAPS);
      int needed = VfioRegionInfo.SIZEOF + regionCaps.length;
      if (info.getInt(VfioRegionInfo.ARGSZ) < needed) {
        info.putInt(VfioRegionInfo.ARGSZ, needed);
        info.putInt(VfioRegionInfo.CAP_OFFSET, 0);
      } else {
        info.put(VfioRegionInfo.SIZEOF, regionCaps);
        info.putInt(VfioRegionInfo.CAP_OFFSET, firstCap);
      }
    }
    return 0;
  }

  private int irqInfo(NativeBlock info) {
    info.putInt(VfioIrqInfo.FLAGS, irqFlags);
    info.putInt(VfioIrqInfo.COUNT, irqCount);
    return 0;
  }

  private int setIrqs(NativeBlock set) {
    irqSets.add(set.get(0, set.capacity()));
    calls.add("SET_IRQS");
    return setIrqsResult;
  }

  private long transfer(boolean write, NativeBlock block, int length, long at) {
    calls.add((write ? "pwrite " : "pread ") + length);
    if (transferResult != 0) {
      return transferResult;
    }
    byte[] region = regions.get((int) (at >> REGION_SHIFT));
    int offset = (int) (at & (1L << REGION_SHIFT) - 1);
    if (write) {
      System.arraycopy(block.get(0, length), 0, region, offset, length);
    } else {
      byte[] bytes = new byte[length];
      System.arraycopy(region, offset, bytes, 0, length);
      block.put(0, bytes);
    }
    return length;
  }

  private Result<MappedMemory> mmap(long at, long length) {
    calls.add("mmap " + length);
    byte[] region = regions.get((int) (at >> REGION_SHIFT));
    return Result.of(new StubMemory(region, (int) (at & (1L << REGION_SHIFT) - 1), length));
  }

  /** The bytes of a region, without the page alignment of a real mapping. */
  private final class StubMemory extends MappedMemory {
    private final ByteBuffer bytes;

    StubMemory(byte[] region, int start, long length) {
      super(length, "mapping of a fd");
      bytes = ByteBuffer.wrap(region, start, (int) length).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    private void fail() {
      if (memoryError != null) {
        throw memoryError;
      }
    }

    int unmap() {
      markUnmapped();
      return 0;
    }

    @Override
    public long address() {
      return 0;
    }

    @Override
    protected byte load8(long offset) {
      return bytes.get((int) offset);
    }

    @Override
    protected short load16(long offset) {
      return bytes.getShort((int) offset);
    }

    @Override
    protected int load32(long offset) {
      fail();
      return bytes.getInt((int) offset);
    }

    @Override
    protected long load64(long offset) {
      return bytes.getLong((int) offset);
    }

    @Override
    protected void store8(long offset, byte value) {
      bytes.put((int) offset, value);
    }

    @Override
    protected void store16(long offset, short value) {
      bytes.putShort((int) offset, value);
    }

    @Override
    protected void store32(long offset, int value) {
      fail();
      bytes.putInt((int) offset, value);
    }

    @Override
    protected void store64(long offset, long value) {
      bytes.putLong((int) offset, value);
    }

    @Override
    protected void copyOut(long offset, byte[] target, int start, int length) {
      fail();
      bytes.get((int) offset, target, start, length);
    }

    @Override
    protected void copyIn(long offset, byte[] source, int start, int length) {
      bytes.put((int) offset, source, start, length);
    }

    @Override
    protected void set(long offset, long length, byte value) {
      for (long i = offset; i < offset + length; i++) {
        bytes.put((int) i, value);
      }
    }
  }
}
