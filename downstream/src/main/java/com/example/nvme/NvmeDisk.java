// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

import java.nio.charset.StandardCharsets;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;

/** The first namespace of an NVMe controller, driven from user space. */
public final class NvmeDisk implements BlockDevice {
  private static final int PAGE = 4096;

  private final Resources resources = new Resources();
  private final QueuePair io;
  private final DmaBuffer data;
  private final String serialNumber;
  private final long blocks;
  private final int blockSize;

  private NvmeDisk(Kernel kernel, VfioMode mode, PciAddress address) {
    try {
      AssignedDevice assigned = resources.add(AssignedDevice.open(kernel, mode, address));
      VfioDevice device = assigned.device();
      DmaSpace dma = assigned.dma();
      device.config().enableBusMaster(true);
      Registers registers = new Registers(resources.add(device.region(VfioPci.BAR0).map()));
      Interrupts vectors = resources.add(device.interrupts(VfioPci.MSIX).enable(2));
      data = resources.add(dma.allocate(2 * PAGE));
      QueuePair admin = resources.add(new QueuePair(0, registers, vectors, dma));
      io = resources.add(new QueuePair(1, registers, vectors, dma));
      registers.disable();
      // From here on the controller knows addresses, and must forget them before the memory goes.
      resources.add((AutoCloseable) registers::disable);
      registers.enable(admin);

      admin.run(Command.identify(1, 0, data.iova()));
      byte[] serial = new byte[20];
      data.memory().read(4, serial, 0, serial.length);
      serialNumber = new String(serial, StandardCharsets.US_ASCII).strip();
      admin.run(Command.identify(0, 1, data.iova()));
      blocks = data.memory().getLongLe(0);
      int format = data.memory().getByte(26) & 0xf;
      blockSize = 1 << data.memory().getByte(128 + 4 * format + 2);

      admin.run(Command.createCompletionQueue(1, io.entries(), io.completionIova(), 1));
      admin.run(Command.createSubmissionQueue(1, io.entries(), io.submissionIova()));
    } catch (RuntimeException e) {
      try {
        resources.close();
      } catch (RuntimeException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  /** Opens the controller at this address, which is bound to vfio-pci. */
  public static NvmeDisk open(Kernel kernel, VfioMode mode, PciAddress address) {
    return new NvmeDisk(kernel, mode, address);
  }

  public String serialNumber() {
    return serialNumber;
  }

  @Override
  public int blockSize() {
    return blockSize;
  }

  @Override
  public long blocks() {
    return blocks;
  }

  @Override
  public void read(long block, byte[] target) {
    for (int done = 0; done < target.length; ) {
      int part = part(done, target.length);
      io.run(command(false, block + done / blockSize, part));
      data.memory().read(0, target, done, part);
      done += part;
    }
  }

  @Override
  public void write(long block, byte[] source) {
    for (int done = 0; done < source.length; ) {
      int part = part(done, source.length);
      data.memory().write(0, source, done, part);
      io.run(command(true, block + done / blockSize, part));
      done += part;
    }
  }

  private int part(int done, int length) {
    if (length % blockSize != 0) {
      throw new IllegalArgumentException(length + " bytes are no whole blocks of " + blockSize);
    }
    return Math.min(length - done, 2 * PAGE);
  }

  private Command command(boolean write, long block, int length) {
    long second = length > PAGE ? data.iova() + PAGE : 0;
    return Command.io(write, block, length / blockSize, data.iova(), second);
  }

  @Override
  public void close() {
    resources.close();
  }
}
