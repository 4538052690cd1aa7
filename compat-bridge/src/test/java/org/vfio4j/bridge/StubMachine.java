// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.NativeBlock;

/**
 * Two devices, alone in group 5 and 6, with all files of both generations: a kernel that says yes,
 * but for the one call that a test wants to fail.
 */
final class StubMachine {
  static final String FIRST = "0000:00:05.0";
  static final String SECOND = "0000:00:06.0";

  /** Which call of the port fails, counted from 1; 0 for none. */
  int failing;

  /** How many calls there were. */
  int calls;

  /** Opens, closes, and what ends something, in order. */
  final List<String> log = new ArrayList<>();

  final Map<Integer, String> open = new HashMap<>();

  private final Map<String, String> links = new HashMap<>();
  private final Map<String, List<String>> folders = new HashMap<>();
  private final Map<String, String> files = new HashMap<>();
  private int nextFd = 1000;
  private boolean iommuSet;
  private int joined;

  final Kernel kernel =
      (Kernel)
          Proxy.newProxyInstance(
              Kernel.class.getClassLoader(),
              new Class<?>[] {Kernel.class},
              (proxy, method, args) ->
                  switch (method.getName()) {
                    case "roots" -> Roots.DEFAULT;
                    case "pageSize" -> 4096;
                    case "toString" -> "stub";
                    case "explanation" -> Optional.empty();
                    case "close" -> close((int) args[0]);
                    case "open" -> fails() ? Errno.EIO.result() : open((String) args[0]);
                    case "dup" -> fails() ? Errno.EMFILE.result() : open(open.get(args[0]));
                    case "ioctl" ->
                        fails() ? Errno.EIO.result() : ioctl((int) args[0], (int) args[1], args[2]);
                    case "eventfd" -> fails() ? Errno.EMFILE.result() : open("eventfd");
                    case "readLink" -> result(links.get(canonical((String) args[0])));
                    case "list" -> result(folders.get(canonical((String) args[0])));
                    case "readFile" -> {
                      String text = files.get(args[0]);
                      yield result(text == null ? null : text.getBytes(StandardCharsets.UTF_8));
                    }
                    default -> throw new AssertionError(method);
                  });

  StubMachine() {
    device(FIRST, 5, "vfio0");
    device(SECOND, 6, "vfio1");
    folders.put("/dev/vfio", List.of("5", "6", "devices", "vfio"));
  }

  private void device(String address, int group, String node) {
    String folder = "/sys/bus/pci/devices/" + address;
    folders.put(folder, List.of("vendor"));
    folders.put(folder + "/vfio-dev", List.of(node));
    files.put(folder + "/vfio-dev/" + node + "/dev", "511:0\n");
    links.put(folder + "/driver", "../../../bus/pci/drivers/vfio-pci");
    links.put(folder + "/iommu_group", "../../../kernel/iommu_groups/" + group);
    folders.put("/sys/kernel/iommu_groups/" + group + "/devices", List.of(address));
  }

  /** A member of a group and the group of a member are links. */
  private static String canonical(String path) {
    return path.replaceFirst(
            "^/sys/kernel/iommu_groups/[0-9]+/devices/(?=.)", "/sys/bus/pci/devices/")
        .replaceFirst("^.*05.0/iommu_group/", "/sys/kernel/iommu_groups/5/")
        .replaceFirst("^.*06.0/iommu_group/", "/sys/kernel/iommu_groups/6/");
  }

  private boolean fails() {
    return ++calls == failing;
  }

  private <T> Result<T> result(T value) {
    return fails() || value == null ? Result.failed(Errno.ENOENT) : Result.of(value);
  }

  private int open(String path) {
    log.add("open " + path);
    open.put(nextFd, path);
    return nextFd++;
  }

  /** A close that fails has closed too. */
  private int close(int fd) {
    boolean fails = fails();
    String path = open.remove(fd);
    if (path == null) {
      throw new AssertionError("close of " + fd + ", which is not open: " + log);
    }
    log.add("close " + path);
    if (path.matches("/dev/vfio/[0-9]+")) {
      leave();
    }
    return fails ? Errno.EIO.result() : 0;
  }

  private void leave() {
    joined = Math.max(0, joined - 1);
    if (joined == 0) {
      iommuSet = false;
    }
  }

  private int ioctl(int fd, int request, Object argument) {
    String file = open.get(fd);
    if (file == null) {
      throw new AssertionError("ioctl on " + fd + ", which is not open");
    }
    boolean iommufd = file.equals("/dev/iommu");
    switch (request) {
      case VfioGroupUapi.VFIO_GROUP_GET_STATUS -> ((NativeBlock) argument).putInt(4, 1);
      case VfioGroupUapi.VFIO_GROUP_SET_CONTAINER -> joined++;
      case VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD -> {
        return open("device of " + file);
      }
      case VfioGroupUapi.VFIO_SET_IOMMU -> {
        if (!iommufd && (iommuSet || joined == 0)) {
          return Errno.EINVAL.result();
        }
        log.add("set iommu " + argument);
        iommuSet = true;
      }
      case VfioGroupUapi.VFIO_IOMMU_GET_INFO -> {
        return iommufd
            ? joined > 0 ? 0 : Errno.ENODEV.result()
            : iommuSet ? 0 : Errno.EINVAL.result();
      }
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES -> {
        return (iommufd ? Errno.ENOTTY : Errno.EINVAL).result();
      }
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA -> {
        log.add("unmap all");
        return iommufd ? Errno.ENOENT.result() : iommuSet ? 0 : Errno.EINVAL.result();
      }
      case IommufdUapi.IOMMU_OPTION, IommufdUapi.IOMMU_IOAS_IOVA_RANGES -> {}
      case IommufdUapi.IOMMU_IOAS_ALLOC -> ((NativeBlock) argument).putInt(8, 1);
      case IommufdUapi.IOMMU_DESTROY -> log.add("destroy " + ((NativeBlock) argument).getInt(4));
      // A device of no kind: it has no interrupt for requests.
      case VfioDeviceUapi.VFIO_DEVICE_GET_INFO,
          VfioGroupUapi.VFIO_GET_API_VERSION,
          VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD,
          VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT -> {}
      default -> throw new AssertionError("ioctl " + request);
    }
    return 0;
  }
}
