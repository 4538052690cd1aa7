// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.NativeBlock;

/**
 * One device node and /dev/iommu at the port, just deep enough for this module's own logic.
 * Descriptors are never used twice, so that a call or a close on one that is closed shows.
 */
final class StubCdev {
  static final String EDU = "0000:00:05.0";
  static final String NODE = "/dev/vfio/devices/vfio0";
  static final String FOLDER = "/sys/bus/pci/devices/" + EDU;

  /** What a bind, attach or detach was given: all the bytes of the argument. */
  record Call(int request, int fd, ByteBuffer bytes) {}

  final List<Call> calls = new ArrayList<>();

  /** Closes and destroys, in order. */
  final List<String> ends = new ArrayList<>();

  final Map<Integer, String> open = new HashMap<>();
  final Map<Integer, Errno> errors = new HashMap<>();
  final Map<String, Errno> openErrors = new HashMap<>();
  final Map<String, String> links = new HashMap<>();
  final Map<String, List<String>> folders = new HashMap<>();
  final Map<String, String> files = new HashMap<>();

  /** Runs inside the next bind, attach or detach. */
  Runnable meanwhile = () -> {};

  /** What attach answers: the id of a page table; 0 for the one that was asked for. */
  int hwpt = 40;

  private int nextFd = 1000;
  private int nextIoas = 5;
  private int attachedTo;

  final Kernel kernel =
      (Kernel)
          Proxy.newProxyInstance(
              Kernel.class.getClassLoader(),
              new Class<?>[] {Kernel.class},
              (proxy, method, args) ->
                  switch (method.getName()) {
                    case "roots" -> Roots.DEFAULT;
                    case "open" -> open((String) args[0]);
                    case "close" -> close((int) args[0]);
                    case "ioctl" -> ioctl((int) args[0], (int) args[1], (NativeBlock) args[2]);
                    case "readLink" -> result(links.get(args[0]));
                    case "list" -> result(folders.get(args[0]));
                    case "readFile" -> {
                      String text = files.get(args[0]);
                      yield result(text == null ? null : text.getBytes(StandardCharsets.UTF_8));
                    }
                    case "toString" -> "stub";
                    case "explanation" -> Optional.empty();
                    default -> throw new AssertionError(method);
                  });

  StubCdev() {
    device("vfio-pci");
    folders.put(FOLDER + "/vfio-dev", List.of("vfio0"));
    files.put(FOLDER + "/vfio-dev/vfio0/dev", "511:0\n");
  }

  void device(String driver) {
    folders.put(FOLDER, List.of("vendor"));
    links.put(FOLDER + "/driver", "../../../bus/pci/drivers/" + driver);
    links.put(FOLDER + "/iommu_group", "../../../kernel/iommu_groups/5");
    folders.put(FOLDER + "/iommu_group/devices", List.of(EDU, "0000:00:1f.2"));
    links.put(FOLDER + "/iommu_group/devices/" + EDU + "/driver", "../drivers/" + driver);
    links.put(FOLDER + "/iommu_group/devices/0000:00:1f.2/driver", "../drivers/ahci");
  }

  /** A process that has {@code path} open. */
  void holder(String pid, String name, String path) {
    folders.put("/proc/", List.of(pid));
    folders.put("/proc/" + pid + "/fd", List.of("3"));
    links.put("/proc/" + pid + "/fd/3", path);
    files.put("/proc/" + pid + "/comm", name + "\n");
  }

  Call last() {
    return calls.get(calls.size() - 1);
  }

  private static <T> Result<T> result(T value) {
    return value == null ? Result.failed(Errno.ENOENT) : Result.of(value);
  }

  private synchronized int open(String path) {
    if (openErrors.containsKey(path)) {
      return openErrors.get(path).result();
    }
    open.put(nextFd, path);
    return nextFd++;
  }

  private synchronized int close(int fd) {
    String path = open.remove(fd);
    assertThat(path).as("a close of the open descriptor %s", fd).isNotNull();
    if (path.equals(NODE)) {
      attachedTo = 0;
    }
    ends.add("close " + path);
    return 0;
  }

  private int ioctl(int fd, int request, NativeBlock block) {
    assertThat(open).as("a call on an open descriptor").containsKey(fd);
    if (request == IommufdUapi.IOMMU_IOAS_ALLOC) {
      block.putInt(8, nextIoas++);
      return 0;
    }
    if (request == VfioDeviceUapi.VFIO_DEVICE_GET_INFO) {
      // A device of no kind, and so without an interrupt for requests.
      return 0;
    }
    if (request == IommufdUapi.IOMMU_DESTROY) {
      ends.add("destroy " + block.getInt(4));
      return block.getInt(4) == attachedTo ? Errno.EBUSY.result() : 0;
    }
    calls.add(new Call(request, fd, ByteBuffer.wrap(block.get(0, block.capacity()))));
    Runnable now = meanwhile;
    meanwhile = () -> {};
    now.run();
    assertThat(open).as("the descriptor stays open until the call ends").containsKey(fd);
    if (errors.containsKey(request)) {
      return errors.get(request).result();
    }
    switch (request) {
      case VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD -> {
        assertThat(open.get(block.getInt(8))).isEqualTo("/dev/iommu");
        block.putInt(12, 9);
      }
      case VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT -> {
        attachedTo = block.getInt(8);
        block.putInt(8, hwpt == 0 ? attachedTo : hwpt);
      }
      case VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT -> attachedTo = 0;
      default -> throw new AssertionError("ioctl " + request);
    }
    return 0;
  }
}
