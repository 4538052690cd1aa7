// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/** How much of the heap a bridge takes for what is mapped: found after a collection. */
class BridgeMemoryTest {
  private static final int[] COUNTS = {10_000, 100_000, 200_000};
  private static final int MOST_MAPPINGS = 300_000;
  private static final double MOST_BYTES = 200;
  private static final long IOVA = 1L << 32;

  /** What else comes and goes on a heap. */
  private static final long NOISE = 256 << 10;

  private static final String LIMIT = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit";

  @Test
  @Tag("bridge-random")
  void onTheRealKernel() {
    Kernel host = Kernel.host();
    byte[] before = host.readFile(LIMIT).value();
    byte[] more = Integer.toString(MOST_MAPPINGS).getBytes(StandardCharsets.US_ASCII);
    assertThat(host.writeFile(LIMIT, more)).isPositive();
    try {
      grows(host, PciAddress.of("0000:00:05.0"), Memory.pages(1));
    } finally {
      host.writeFile(LIMIT, before);
    }
  }

  /** The fake has a heap of its own for mappings, so that it must not learn of them. */
  @Test
  void onTheFake() {
    FakeKernel fake =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              LabKernels.standard(machine);
              machine.dmaEntryLimit(MOST_MAPPINGS);
            });
    Kernel forgetful =
        new ForwardingKernel(fake) {
          @Override
          public int ioctl(int fd, int request, NativeBlock argument) {
            return request == IommufdUapi.IOMMU_IOAS_MAP ? 0 : super.ioctl(fd, request, argument);
          }
        };
    grows(forgetful, Lab.EDU, Memory.pages(1));
  }

  private static void grows(Kernel kernel, PciAddress device, MappedMemory page) {
    CompatBridge bridge = CompatBridge.over(kernel, AssignmentPolicy.STAGE_1);
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, device)) {
      raw.ready();
      VfioIommuType1DmaMap map =
          new VfioIommuType1DmaMap()
              .flags(RawContainer.READ_WRITE)
              .vaddr(page.address())
              .size(PAGE);
      // The first mappings load classes.
      int mapped = map(raw, map, 0, 100);
      long base = heap();
      for (int count : COUNTS) {
        int first = mapped;
        mapped = map(raw, map, mapped, count);
        long grown = heap() - base;
        System.out.printf(
            "the bridge takes %.1f bytes for each of %d mappings%n",
            (double) grown / (mapped - 100), mapped);
        assertThat(grown).isLessThan((long) (MOST_BYTES * mapped) + NOISE);
        assertThat(first).isLessThan(mapped);
      }
      // Far from what grows faster than the mappings: twice as many are not three times as much.
      long all = heap() - base;
      assertThat(all).isLessThan((long) (MOST_BYTES / 2 * mapped));
      assertThat(raw.available()).isEqualTo(Integer.toString(MOST_MAPPINGS - mapped));
    }
  }

  /** Pages with a hole behind each, so that none are one; in no order. */
  private static int map(RawContainer raw, VfioIommuType1DmaMap map, int from, int to) {
    for (int i = from; i < to; i++) {
      long place = Integer.toUnsignedLong(i * 0x9e37_79b1) >>> 8;
      map.iova(IOVA + place * 2 * PAGE);
      int result = raw.kernel().ioctl(raw.container(), VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map);
      if (result < 0) {
        throw new AssertionError("mapping " + i + ": " + RawContainer.answer(result));
      }
    }
    return to;
  }

  /** Bytes in use, when all that nobody refers to is gone. */
  private static long heap() {
    Runtime runtime = Runtime.getRuntime();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      System.gc();
      least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
    }
    return least;
  }
}
