// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.garbage;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.CapabilityChain;
import org.vfio4j.device.CapabilityChain.Capability;
import org.vfio4j.device.DmaLogging;
import org.vfio4j.device.Graphics;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.Migration;
import org.vfio4j.device.SavingStream;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.SpaprIommu;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.FaultQueue;
import org.vfio4j.iommufd.HwInfo;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.IoasId;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PageFaults;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.NativeBlock;

/**
 * Whatever a kernel answers, what reads the answers ends, and throws nothing but the exception of
 * this library.
 */
@Tag("random")
class DecoderGarbageTest {
  private static final List<Decoder> DECODERS =
      List.of(
          DecoderGarbageTest::chain,
          DecoderGarbageTest::device,
          DecoderGarbageTest::container,
          DecoderGarbageTest::spapr,
          DecoderGarbageTest::iommufd,
          DecoderGarbageTest::sysfs);

  private interface Decoder {
    void decode(GarbageKernel kernel, Random random);
  }

  @Test
  void answersOfAKernel() throws InterruptedException {
    Cases.run(
        "decoders",
        1,
        (number, random) ->
            DECODERS
                .get(random.nextInt(DECODERS.size()))
                .decode(new GarbageKernel(random), random));
  }

  private static void chain(GarbageKernel kernel, Random random) {
    NativeBlock info = new NativeBlock(24 + random.nextInt(64) * 4);
    kernel.ioctl(0, 0, info);
    int first = random.nextInt(3) == 0 ? kernel.number() : 16 + random.nextInt(16);
    CapabilityChain chain = CapabilityChain.read("a test", info, 16, first);
    for (Capability capability : chain) {
      if (capability.size() < 8 || capability.toString().isEmpty()) {
        throw new AssertionError(capability + " of " + capability.size());
      }
      capability.getInt(kernel.number());
      capability.getLong(kernel.number());
    }
  }

  private static void device(GarbageKernel kernel, Random random) {
    try (VfioDevice device = VfioDevice.adopt(kernel, 3, "a test's")) {
      see(device.info());
      switch (random.nextInt(10)) {
        case 5 -> see(device.planHotReset());
        case 6 -> see(device.graphics().plane(Graphics.Source.DMABUF, Graphics.Plane.PRIMARY));
        case 7 -> migration(device.migration());
        case 8 -> logging(device, random);
        case 0 -> see(device.region(random.nextInt(9)));
        case 1 -> see(device.interrupts(random.nextInt(5)));
        case 2 -> device.config().vendorId();
        case 3 -> see(device.kernelFeatures());
        default -> device.region(7).getIntLe(random.nextInt(64));
      }
    }
  }

  private static void migration(Migration migration) {
    see(migration.state());
    see(migration);
    migration.stopCopyLength();
    try (SavingStream stream = migration.preCopy()) {
      see(stream.preCopyInfo());
      stream.read(ByteBuffer.allocate(64));
    }
    try (SavingStream stream = migration.stopCopy()) {
      stream.read(ByteBuffer.allocateDirect(64));
    }
  }

  private static void logging(VfioDevice device, Random random) {
    List<IovaRange> ranges = List.of(new IovaRange(0, 0xffff));
    try (DmaLogging logging = device.startDmaLogging(4096L << random.nextInt(3), ranges)) {
      DirtyBitmap bitmap = new DirtyBitmap(0, 0x10000, 4096);
      logging.report(bitmap);
      see(bitmap);
    }
  }

  private static void container(GarbageKernel kernel, Random random) {
    try (VfioContainer container = VfioContainer.adopt(kernel, 3)) {
      see(container.kernelFeatures());
      try (Type1Iommu iommu = container.adoptIommu(IommuType.TYPE1_V2)) {
        switch (random.nextInt(4)) {
          case 0 -> see(iommu.info());
          case 1 -> iommu.allowedIovas();
          case 2 -> iommu.map(0x10_0000, 4096, DmaAccess.READ_WRITE);
          default -> iommu.unmapAll();
        }
      }
    }
  }

  private static void spapr(GarbageKernel kernel, Random random) {
    try (VfioContainer container = VfioContainer.adopt(kernel, 3)) {
      SpaprIommu iommu = container.setSpaprIommu(SpaprIommu.Version.V2);
      if (random.nextBoolean()) {
        see(iommu.info());
      } else {
        iommu.eeh().state();
      }
    }
  }

  private static void iommufd(GarbageKernel kernel, Random random) {
    try (Iommufd iommufd = Iommufd.adopt(kernel, 3)) {
      switch (random.nextInt(4)) {
        case 0 -> see(iommufd.kernelFeatures());
        case 1 -> {
          HwInfo info = iommufd.hwInfo(new DevId(1));
          see(info);
          see(info.vtd());
          see(info.armSmmuV3());
          see(info.tegra241Cmdqv());
          see(info.amd());
        }
        case 2 -> iommufd.rlimitMode();
        default -> {
          try (FaultQueue queue = iommufd.allocateFaultQueue()) {
            for (PageFaults group : queue.await(0)) {
              see(group);
              queue.resolve(group);
            }
          }
        }
      }
      try (Ioas ioas = iommufd.borrowIoas(new IoasId(1))) {
        switch (random.nextInt(4)) {
          case 0 -> ioas.allowedIovas();
          case 1 -> ioas.iovaAlignment();
          case 2 -> ioas.hugePages();
          default -> ioas.map(0x10_0000, 4096, DmaAccess.READ_WRITE);
        }
      }
    }
  }

  private static void sysfs(GarbageKernel kernel, Random random) {
    PciAddress address = PciAddress.of("0000:00:05.0");
    switch (random.nextInt(3)) {
      case 0 -> VfioCdev.find(kernel, address).node();
      case 1 -> see(Isolation.of(SysfsDevice.pci(kernel, address)));
      default -> VfioGroup.of(kernel, SysfsDevice.pci(kernel, address)).close();
    }
  }

  private static void see(Object answer) {
    if (answer.toString().isEmpty()) {
      throw new AssertionError("nothing to be said of a " + answer.getClass());
    }
  }
}
