// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.NativeBlock;

/**
 * One container and one group at the port, just deep enough for this module's own logic: which
 * states there are, and any errno that a test asks for. The real rules are tested on real kernels.
 */
final class StubVfio {
  static final int CONTAINER = 1_000_000;
  static final int GROUP = 1_000_001;
  static final int DEVICE = 1_000_002;

  final Kernel kernel = mock(Kernel.class);

  /** Answers by request, instead of the state's. */
  final Map<Integer, Errno> errors = new HashMap<>();

  final Map<String, Errno> openErrors = new HashMap<>();
  final Map<String, String> links = new HashMap<>();
  final Map<String, List<String>> folders = new HashMap<>();
  final Map<String, String> files = new HashMap<>();

  /** Opens, closes, and calls that change something, in order. */
  final List<String> calls = new ArrayList<>();

  final Map<Long, Long> mappings = new TreeMap<>(Comparator.comparing(Long::toUnsignedString));
  List<IovaRange> allowed = List.of(new IovaRange(0, 0xfffff));
  boolean iommufd;
  boolean viable = true;
  boolean joined;
  boolean iommuSet;
  long lastUnmapFlags = -1;

  StubVfio() {
    when(kernel.roots()).thenReturn(Roots.DEFAULT);
    when(kernel.pageSize()).thenReturn(4096);
    when(kernel.open(anyString(), anyInt())).thenAnswer(call -> open(call.getArgument(0)));
    when(kernel.dup(anyInt())).thenReturn(CONTAINER);
    when(kernel.close(anyInt())).thenAnswer(call -> close(call.getArgument(0)));
    when(kernel.ioctl(anyInt(), anyInt(), any(NativeBlock.class)))
        .thenAnswer(call -> ioctl(call.getArgument(1), call.<NativeBlock>getArgument(2)));
    when(kernel.ioctl(anyInt(), anyInt(), anyLong()))
        .thenAnswer(call -> ioctl(call.getArgument(1), call.<Long>getArgument(2)));
    when(kernel.readLink(anyString())).thenAnswer(call -> of(links.get(call.getArgument(0))));
    when(kernel.list(anyString())).thenAnswer(call -> of(folders.get(call.getArgument(0))));
    when(kernel.readFile(anyString()))
        .thenAnswer(
            call -> {
              String text = files.get(call.getArgument(0));
              return of(text == null ? null : text.getBytes(StandardCharsets.UTF_8));
            });
  }

  static StubVfio onIommufd() {
    StubVfio vfio = new StubVfio();
    vfio.iommufd = true;
    return vfio;
  }

  /** A device of group 5. */
  StubVfio member(String name, String driver) {
    String group = "/sys/kernel/iommu_groups/5/devices";
    List<String> members = new ArrayList<>(folders.getOrDefault(group, List.of()));
    members.add(name);
    folders.put(group, members);
    for (String path : List.of(group + "/" + name, "/sys/bus/pci/devices/" + name)) {
      folders.put(path, List.of());
      links.put(path + "/iommu_group", "../../../kernel/iommu_groups/5");
      if (driver != null) {
        links.put(path + "/driver", "../../../bus/pci/drivers/" + driver);
      }
    }
    return this;
  }

  VfioContainer container() {
    return iommufd ? VfioContainer.overIommufd(kernel, 3) : VfioContainer.open(kernel);
  }

  private static <T> Result<T> of(T value) {
    return value == null ? Result.failed(Errno.ENOENT) : Result.of(value);
  }

  private int open(String path) {
    Errno error = openErrors.get(path);
    if (error != null) {
      return error.result();
    }
    calls.add("open " + path);
    return path.equals("/dev/vfio/vfio") ? CONTAINER : GROUP;
  }

  private int close(int fd) {
    switch (fd) {
      case CONTAINER -> calls.add("close container");
      case DEVICE -> calls.add("close device");
      case GROUP -> {
        calls.add("close group");
        leave();
      }
      default -> throw new AssertionError("close of " + fd);
    }
    return 0;
  }

  private void leave() {
    joined = false;
    if (!iommufd) {
      iommuSet = false;
      mappings.clear();
    }
  }

  private int ioctl(int request, long argument) {
    if (errors.containsKey(request)) {
      return errors.get(request).result();
    }
    switch (request) {
      case VfioGroupUapi.VFIO_SET_IOMMU -> {
        if (iommufd) {
          return iommuSet ? 0 : Errno.ENODEV.result();
        }
        if (!joined || iommuSet) {
          return Errno.EINVAL.result();
        }
        iommuSet = true;
        calls.add("set iommu " + argument);
      }
      case VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER -> leave();
      default -> {}
    }
    return 0;
  }

  private int ioctl(int request, NativeBlock argument) {
    if (errors.containsKey(request)) {
      return errors.get(request).result();
    }
    return switch (request) {
      case VfioGroupUapi.VFIO_GROUP_GET_STATUS -> {
        ((VfioGroupStatus) argument).flags((viable ? 1 : 0) | (joined ? 2 : 0));
        yield 0;
      }
      case VfioGroupUapi.VFIO_GROUP_SET_CONTAINER -> {
        joined = true;
        iommuSet = iommufd;
        yield argument.getInt(0) == CONTAINER ? 0 : Errno.EBADF.result();
      }
      case VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD -> DEVICE;
      // A device of no kind, and so without an interrupt for requests.
      case VfioDeviceUapi.VFIO_DEVICE_GET_INFO -> 0;
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES -> (iommufd ? Errno.ENOTTY : Errno.EINVAL).result();
      default -> iommuSet ? type1(request, argument) : noIommu();
    };
  }

  private int noIommu() {
    return (iommufd ? Errno.ENODEV : Errno.EINVAL).result();
  }

  private int type1(int request, NativeBlock argument) {
    return switch (request) {
      case VfioGroupUapi.VFIO_IOMMU_GET_INFO -> info((VfioIommuType1Info) argument);
      case VfioGroupUapi.VFIO_IOMMU_MAP_DMA -> map((VfioIommuType1DmaMap) argument);
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA -> unmap((VfioIommuType1DmaUnmap) argument);
      default -> throw new AssertionError("ioctl " + request);
    };
  }

  private int info(VfioIommuType1Info info) {
    int size = VfioIommuType1Info.SIZEOF + 16 + 16 * allowed.size();
    info.flags(3).iovaPgsizes(0x201000);
    if (info.capacity() >= size && !allowed.isEmpty()) {
      int at = VfioIommuType1Info.SIZEOF;
      info.capOffset(at);
      info.putShort(at, (short) VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
      info.putInt(at + 8, allowed.size());
      for (int i = 0; i < allowed.size(); i++) {
        info.putLong(at + 16 + 16 * i, allowed.get(i).start());
        info.putLong(at + 24 + 16 * i, allowed.get(i).last());
      }
    }
    info.argsz(size);
    return 0;
  }

  private int map(VfioIommuType1DmaMap map) {
    long last = map.iova() + map.size() - 1;
    if (mappings.entrySet().stream()
        .anyMatch(e -> e.getKey() <= last && e.getKey() + e.getValue() > map.iova())) {
      return Errno.EEXIST.result();
    }
    if (allowed.stream().noneMatch(range -> range.contains(map.iova(), map.size()))) {
      return Errno.EINVAL.result();
    }
    mappings.put(map.iova(), map.size());
    calls.add("map " + map.flags() + " " + Long.toHexString(map.iova()));
    return 0;
  }

  private int unmap(VfioIommuType1DmaUnmap unmap) {
    lastUnmapFlags = unmap.flags();
    boolean all = unmap.flags() == VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL;
    long bytes = 0;
    for (Map.Entry<Long, Long> e : List.copyOf(mappings.entrySet())) {
      boolean inside = e.getKey() >= unmap.iova() && e.getKey() < unmap.iova() + unmap.size();
      if (all || inside) {
        bytes += mappings.remove(e.getKey());
      }
    }
    unmap.size(bytes);
    calls.add(all ? "unmap all" : "unmap " + Long.toHexString(unmap.iova()));
    return 0;
  }
}
