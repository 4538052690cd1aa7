// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioRegionInfo;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.device.Graphical;
import org.vfio4j.testkit.device.MediatedModel;
import org.vfio4j.testkit.device.MediatedRegion;

/**
 * An open mediated device: its regions and its interrupts, by the rules that the kernel's sample
 * drivers share.
 *
 * <p>Source: {@code samples/vfio-mdev}.
 */
final class VfioMdev implements VfioOps, DeviceMemory.Registers {
  private static final int INFO_MIN_SIZE = 16;
  private static final int REGION_INFO_MIN_SIZE = 32;

  private final Core core;
  private final MdevDevice device;
  private final MediatedModel model;
  private final MdevIrqs irqs;

  VfioMdev(Core core, MdevDevice device) {
    this.core = core;
    this.device = device;
    this.model = device.model();
    this.irqs = new MdevIrqs(core, device);
    model.opened();
  }

  MdevIrqs irqs() {
    return irqs;
  }

  @Override
  public void close() {
    irqs.close();
    model.closed();
    device.closed();
  }

  @Override
  public void request() {
    // The sample drivers do not ask: whoever removes the device waits.
  }

  @Override
  public int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioDeviceUapi.VFIO_DEVICE_GET_INFO -> info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO -> regionInfo(argument);
      case VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO -> irqs.info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_SET_IRQS -> irqs.set(argument);
      case VfioDeviceUapi.VFIO_DEVICE_RESET -> {
        model.reset();
        device.vfio().features().reset();
      }
      case VfioDeviceUapi.VFIO_DEVICE_QUERY_GFX_PLANE -> graphics().plane(argument);
      case VfioDeviceUapi.VFIO_DEVICE_GET_GFX_DMABUF -> {
        return graphics().dmaBuf(argument);
      }
      default -> throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  private Graphics graphics() {
    KernelError.refuseIf(!(model instanceof Graphical), Errno.ENOTTY);
    return new Graphics(core, (Graphical) model);
  }

  private void info(UserPointer info) {
    info.argsz(INFO_MIN_SIZE);
    int flags =
        switch (device.type().parent().driver().deviceApi()) {
          case "vfio-pci" -> VfioDeviceUapi.VFIO_DEVICE_FLAGS_PCI;
          case "vfio-platform" -> VfioDeviceUapi.VFIO_DEVICE_FLAGS_PLATFORM;
          case "vfio-ccw" -> VfioDeviceUapi.VFIO_DEVICE_FLAGS_CCW;
          case "vfio-ap" -> VfioDeviceUapi.VFIO_DEVICE_FLAGS_AP;
          default -> 0;
        };
    device.knownIrqs(model.irqs());
    info.putInt(VfioDeviceInfo.FLAGS, flags);
    info.putInt(VfioDeviceInfo.NUM_REGIONS, model.regions());
    info.putInt(VfioDeviceInfo.NUM_IRQS, model.irqs());
  }

  private void regionInfo(UserPointer info) {
    int argsz = info.argsz(REGION_INFO_MIN_SIZE);
    int limit = model.regionInfoLimit();
    boolean tooLong = limit != 0 && Integer.compareUnsigned(argsz, limit) > 0;
    KernelError.refuseIf(tooLong, Errno.EINVAL);
    int index = info.getInt(VfioRegionInfo.INDEX);
    KernelError.refuseIf(index < 0, Errno.EINVAL);
    MediatedRegion region = model.region(index).orElseThrow(() -> KernelError.of(Errno.EINVAL));
    info.putInt(VfioRegionInfo.FLAGS, region.flags());
    info.putLong(VfioRegionInfo.SIZE, region.size());
    info.putLong(VfioRegionInfo.OFFSET, region.offset());
    InfoReply capabilities = new InfoReply(core.version());
    for (MediatedRegion.Capability capability : region.capabilities()) {
      int[] words = capability.words().stream().mapToInt(word -> word).toArray();
      capabilities.add(capability.id(), 1, words);
    }
    int size = VfioRegionInfo.SIZEOF;
    int flag = VfioDeviceUapi.VFIO_REGION_INFO_FLAG_CAPS;
    if (limit == 0) {
      capabilities.put(info, argsz, size, VfioRegionInfo.CAP_OFFSET, flag);
    } else {
      capabilities.putCut(info, argsz, size, VfioRegionInfo.CAP_OFFSET, flag);
    }
  }

  @Override
  public long read(UserPointer target, int length, long offset) {
    for (int done = 0; done < length; ) {
      int width = width(offset + done, length - done);
      KernelError.refuseIf(!model.reaches(offset + done, width), Errno.EFAULT);
      long value = model.read(offset + done, width);
      byte[] bytes = new byte[width];
      for (int i = 0; i < width; i++) {
        bytes[i] = (byte) (value >>> (Byte.SIZE * i));
      }
      target.put(done, bytes);
      done += width;
    }
    return length;
  }

  @Override
  public long write(UserPointer source, int length, long offset) {
    for (int done = 0; done < length; ) {
      int width = width(offset + done, length - done);
      long value = 0;
      byte[] bytes = source.get(done, width);
      for (int i = width - 1; i >= 0; i--) {
        value = (value << Byte.SIZE) | (bytes[i] & 0xff);
      }
      KernelError.refuseIf(!model.reaches(offset + done, width), Errno.EFAULT);
      model.write(offset + done, width, value);
      done += width;
    }
    return length;
  }

  private static int width(long position, int left) {
    if (left >= Integer.BYTES && position % Integer.BYTES == 0) {
      return Integer.BYTES;
    }
    return left >= Short.BYTES && position % Short.BYTES == 0 ? Short.BYTES : Byte.BYTES;
  }

  /** A region is mapped from its start on. */
  @Override
  public MappedMemory mmap(OpenFile file, long offset, long length, int protection, int flags) {
    for (int i = 0; i < model.regions(); i++) {
      MediatedRegion region = model.region(i).orElse(null);
      boolean mapped =
          region != null
              && region.offset() == offset
              && model.memory(i).isPresent()
              && length <= region.size()
              && (flags & Linux.MAP_SHARED) != 0;
      if (mapped) {
        return new DeviceMemory(core, this, file, i, 0, length, protection, device.name());
      }
    }
    throw KernelError.of(Errno.EINVAL);
  }

  @Override
  public boolean isAnswering() {
    return true;
  }

  @Override
  public long load(int region, long offset, int width) {
    ByteBuffer memory = memory(region);
    int at = (int) offset;
    return switch (width) {
      case Byte.BYTES -> memory.get(at);
      case Short.BYTES -> memory.getShort(at);
      case Integer.BYTES -> memory.getInt(at);
      default -> memory.getLong(at);
    };
  }

  @Override
  public void store(int region, long offset, int width, long value) {
    ByteBuffer memory = memory(region);
    int at = (int) offset;
    switch (width) {
      case Byte.BYTES -> memory.put(at, (byte) value);
      case Short.BYTES -> memory.putShort(at, (short) value);
      case Integer.BYTES -> memory.putInt(at, (int) value);
      default -> memory.putLong(at, value);
    }
  }

  private ByteBuffer memory(int region) {
    return model.memory(region).orElseThrow().duplicate().order(ByteOrder.nativeOrder());
  }
}
