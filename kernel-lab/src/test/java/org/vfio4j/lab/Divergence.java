// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.vfio4j.lab.Memory.PAGE;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommuVfioIoas;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * The calls that are answered differently by a native container, by the kernel's compatibility
 * layer and by the bridge: what is asked, and what is observed.
 */
final class Divergence {
  private static final long IOVA = 0x10_0000;
  private static final int UNKNOWN_TYPE = 77;
  private static final int UNKNOWN_CALL = 0x3B7F;
  private static final int ALL = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL;
  private static final int START = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
  private static final int STOP = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;

  /** What a row observes. */
  interface Observation {
    String of(RawContainer raw, long memory);
  }

  /**
   * A row of the table.
   *
   * @param call what is asked, as the table has it
   */
  record Row(String call, Observation observation) {
    String observe(VfioMode mode) {
      MappedMemory memory = Memory.pages(8);
      try (RawContainer raw = new RawContainer(mode)) {
        return observation.of(raw, memory.address());
      } finally {
        Lab.KERNEL.munmap(memory);
      }
    }

    @Override
    public String toString() {
      return call;
    }
  }

  private static final List<Row> ROWS = new ArrayList<>();

  static {
    row(
        "CHECK_EXTENSION before a group: TYPE1, TYPE1v2, UNMAP_ALL",
        (c, m) -> extensions(c, 1, 3, 9));
    row(
        "CHECK_EXTENSION before a group: TYPE1_NESTING, UPDATE_VADDR",
        (c, m) -> extensions(c, 6, 10));
    row("CHECK_EXTENSION before a group: DMA_CC", (c, m) -> extensions(c, 4));
    row(
        "CHECK_EXTENSION after SET_IOMMU: TYPE1, TYPE1v2, UNMAP_ALL",
        (c, m) -> extensions(c.ready(), 1, 3, 9));
    row("CHECK_EXTENSION after SET_IOMMU: UPDATE_VADDR", (c, m) -> extensions(c.ready(), 10));
    row(
        "CHECK_EXTENSION after SET_IOMMU: TYPE1_NESTING, DMA_CC",
        (c, m) -> extensions(c.ready(), 6, 4));
    row("SET_IOMMU, no group yet", (c, m) -> c.setIommu(3));
    row("SET_IOMMU, no such type", (c, m) -> c.joined().setIommu(UNKNOWN_TYPE));
    row(
        "SET_IOMMU with UNMAP_ALL, an extension and no type",
        (c, m) -> c.joined().setIommu(VfioGroupUapi.VFIO_UNMAP_ALL));
    row("SET_IOMMU a second time", (c, m) -> c.ready().setIommu(3));
    row("MAP_DMA, no group yet", (c, m) -> c.map(m, IOVA, PAGE));
    row("MAP_DMA after a group, before SET_IOMMU", (c, m) -> c.joined().map(m, IOVA, PAGE));
    row("GET_INFO after a group, before SET_IOMMU", (c, m) -> c.joined().infoAnswer());
    row(
        "MAP_DMA where it is mapped since before the last group left",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, PAGE));
          RawContainer.must(c.leave());
          RawContainer.must(c.join());
          c.setIommu(Lab.type(c.mode()).number());
          return c.map(m, IOVA, PAGE);
        });
    row(
        "GET_INFO after the last group left",
        (c, m) -> {
          RawContainer.must(c.ready().leave());
          return c.infoAnswer();
        });
    row("MAP_DMA without READ or WRITE", (c, m) -> c.ready().map(0, m, IOVA, PAGE));
    row(
        "MAP_DMA with VADDR where nothing is mapped",
        (c, m) -> c.ready().map(VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR, m, IOVA, PAGE));
    row(
        "UNMAP_DMA with VADDR of a mapping, and MAP_DMA with VADDR",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, PAGE));
          return c.unmap(VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR, IOVA, PAGE)
              + "; "
              + c.map(VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR, m + PAGE, IOVA, PAGE);
        });
    row(
        "MAP_DMA where something is mapped",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, 2 * PAGE));
          return c.map(m, IOVA + PAGE, 2 * PAGE);
        });
    row("MAP_DMA of a range beyond 64 bits", (c, m) -> c.ready().map(m, -PAGE, 2 * PAGE));
    row("MAP_DMA of memory beyond 64 bits", (c, m) -> c.ready().map(-PAGE, IOVA, 2 * PAGE));
    row("MAP_DMA where the IOMMU cannot", (c, m) -> c.ready().map(m, 0xfee0_0000L, PAGE));
    row("MAP_DMA of memory that is not there", (c, m) -> c.ready().map(PAGE, IOVA, PAGE));
    row("MAP_DMA not aligned to a page", (c, m) -> c.ready().map(m + 1, IOVA, PAGE));
    row("MAP_DMA of a BAR that is mapped", (c, m) -> mapBar(c.ready()));
    row("UNMAP_DMA where nothing is mapped", (c, m) -> c.ready().unmap(IOVA, PAGE));
    row(
        "UNMAP_DMA from inside a mapping on",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, 4 * PAGE));
          return c.unmap(IOVA + PAGE, PAGE);
        });
    row(
        "UNMAP_DMA of the first page of a mapping",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, 4 * PAGE));
          return c.unmap(IOVA, PAGE);
        });
    row(
        "UNMAP_DMA of a mapping and a part of the next",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, PAGE));
          RawContainer.must(c.map(m + PAGE, IOVA + PAGE, 2 * PAGE));
          String answer = c.unmap(IOVA, 2 * PAGE);
          return answer + "; the first is " + (c.map(m, IOVA, PAGE).equals("0") ? "gone" : "there");
        });
    row(
        "UNMAP_DMA of several mappings with holes",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, PAGE));
          RawContainer.must(c.map(m, IOVA + 4 * PAGE, 2 * PAGE));
          return c.unmap(IOVA - PAGE, 16 * PAGE);
        });
    row("UNMAP_DMA of size 0", (c, m) -> c.ready().unmap(IOVA, 0));
    row("UNMAP_DMA of a range beyond 64 bits", (c, m) -> c.ready().unmap(-PAGE, 2 * PAGE));
    row("UNMAP_DMA with ALL, of a range", (c, m) -> c.ready().unmap(ALL, IOVA, PAGE));
    row(
        "UNMAP_DMA with ALL",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, 2 * PAGE));
          return c.unmap(ALL, 0, 0);
        });
    row(
        "UNMAP_DMA with GET_DIRTY_BITMAP, not tracking",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA, PAGE));
          return c.unmapWithBitmap(IOVA, 1);
        });
    row(
        "DIRTY_PAGES START, STOP",
        (c, m) -> c.ready().dirtyPages(START) + "; " + c.dirtyPages(STOP));
    row(
        "DIRTY_PAGES GET_BITMAP of 2 mapped pages among 8",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA + 2 * PAGE, 2 * PAGE));
          c.dirtyPages(START);
          return c.bitmap(IOVA, 8);
        });
    row(
        "UNMAP_DMA with GET_DIRTY_BITMAP, tracking",
        (c, m) -> {
          RawContainer.must(c.ready().map(m, IOVA + PAGE, 2 * PAGE));
          c.dirtyPages(START);
          return c.unmapWithBitmap(IOVA, 8);
        });
    row("GET_INFO: capabilities, in order", (c, m) -> c.ready().capabilities());
    row(
        "GET_INFO: DMA_AVAIL, and after a MAP_DMA",
        (c, m) -> {
          String before = c.ready().available();
          RawContainer.must(c.map(m, IOVA, PAGE));
          return before + ", " + c.available();
        });
    row(
        "GET_INFO: argsz where everything fits into 512",
        (c, m) -> Integer.toString(c.ready().info().getInt(VfioIommuType1Info.ARGSZ)));
    row(
        "GET_INFO: iova_pgsizes",
        (c, m) ->
            "0x" + Long.toHexString(c.ready().info().getLong(VfioIommuType1Info.IOVA_PGSIZES)));
    row("GROUP_GET_STATUS before and in a container", Divergence::statuses);
    row(
        "GROUP_GET_DEVICE_FD before SET_IOMMU",
        (c, m) -> c.joined().device() < 0 ? RawContainer.answer(c.device()) : "a descriptor");
    row(
        "GROUP_UNSET_CONTAINER with a device open",
        (c, m) -> {
          c.ready().device();
          return c.leave();
        });
    row("open of the group a second time", Divergence::openTwice);
    row(
        "close of container and group, with a device open",
        (c, m) -> {
          int device = c.ready().device();
          c.close(c.container());
          c.close(c.group());
          return info(c, device);
        });
    row("DEVICE_BIND_IOMMUFD on a device of a group", Divergence::bind);
    row(
        "DEVICE_ATTACH_IOMMUFD_PT on a device of a group",
        (c, m) ->
            c.ioctl(
                c.ready().device(),
                VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT,
                new VfioDeviceAttachIommufdPt().ptId(1)));
    row("IOMMU_VFIO_IOAS GET: the IOAS that stands for the container", Divergence::vfioIoas);
    row("IOMMU_OPTION GET HUGE_PAGES of that IOAS, after SET_IOMMU", Divergence::largePages);
    row("an unknown call on the container, before SET_IOMMU", Divergence::unknown);
    row("an unknown call on the container, after SET_IOMMU", (c, m) -> unknown(c.ready(), m));
    row("locked memory that a MAP_DMA of 4 pages counts, with CAP_IPC_LOCK", Divergence::locked);
  }

  private Divergence() {}

  static List<Row> rows() {
    return List.copyOf(ROWS);
  }

  private static void row(String call, Observation observation) {
    ROWS.add(new Row(call, observation));
  }

  private static String extensions(RawContainer raw, int... numbers) {
    List<String> answers = new ArrayList<>();
    for (int number : numbers) {
      answers.add(raw.extension(number));
    }
    return String.join(", ", answers);
  }

  private static String statuses(RawContainer raw, long memory) {
    String before = raw.withGroup().status();
    RawContainer.must(raw.join());
    return before + "; " + raw.status();
  }

  private static String openTwice(RawContainer raw, long memory) {
    return RawContainer.answer(raw.withGroup().kernel().open(raw.groupPath(), Linux.O_RDWR));
  }

  private static String info(RawContainer raw, int device) {
    return raw.ioctl(device, VfioDeviceUapi.VFIO_DEVICE_GET_INFO, new VfioDeviceInfo(0));
  }

  private static String bind(RawContainer raw, long memory) {
    int device = raw.ready().device();
    VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd().iommufd(raw.container());
    return raw.ioctl(device, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind);
  }

  private static String vfioIoas(RawContainer raw, long memory) {
    IommuVfioIoas get = new IommuVfioIoas().op((short) IommufdUapi.IOMMU_VFIO_IOAS_GET);
    return raw.ioctl(raw.ready().container(), IommufdUapi.IOMMU_VFIO_IOAS, get);
  }

  /** 0 where mappings are to be cut: of pages that are not large. */
  private static String largePages(RawContainer raw, long memory) {
    IommuVfioIoas ioas = new IommuVfioIoas().op((short) IommufdUapi.IOMMU_VFIO_IOAS_GET);
    String found = raw.ioctl(raw.ready().container(), IommufdUapi.IOMMU_VFIO_IOAS, ioas);
    IommuOption option =
        new IommuOption()
            .optionId(IommufdUapi.IOMMU_OPTION_HUGE_PAGES)
            .op((short) IommufdUapi.IOMMU_OPTION_OP_GET)
            .objectId(ioas.ioasId());
    String asked = raw.ioctl(raw.container(), IommufdUapi.IOMMU_OPTION, option);
    return found.equals("0") ? asked + ", " + option.val64() : asked;
  }

  private static String unknown(RawContainer raw, long memory) {
    return raw.ioctl(raw.container(), UNKNOWN_CALL, new NativeBlock(64));
  }

  private static String locked(RawContainer raw, long memory) {
    raw.ready();
    long before = MemoryLock.read(Lab.KERNEL).locked();
    RawContainer.must(raw.map(memory, IOVA, 4 * PAGE));
    return (MemoryLock.read(Lab.KERNEL).locked() - before) / PAGE + " pages";
  }

  private static String mapBar(RawContainer raw) {
    int device = raw.device();
    MappedMemory bar =
        raw.kernel()
            .mmap(device, 0, PAGE, Linux.PROT_READ | Linux.PROT_WRITE, Linux.MAP_SHARED)
            .value();
    try {
      return raw.map(bar.address(), IOVA, PAGE);
    } finally {
      raw.kernel().munmap(bar);
    }
  }
}
