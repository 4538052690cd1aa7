// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

/** A trace of what reaches a kernel: whether a file or a call of the group world is among it. */
final class GroupCalls extends ForwardingKernel {
  private static final int FIRST = 0x3B64;

  /** The last of those that only containers and groups have. */
  private static final int LAST = 0x3B6A;

  /** From here on the calls of an iommufd are its own: those of a container are below. */
  private static final int FIRST_OF_IOMMUFD = 0x3B80;

  private final Map<Integer, String> paths = new ConcurrentHashMap<>();
  private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
  private final List<String> binds = Collections.synchronizedList(new ArrayList<>());

  GroupCalls(Kernel below) {
    super(below);
  }

  private String path(int fd) {
    return paths.getOrDefault(fd, "");
  }

  @Override
  public int open(String path, int flags) {
    if (path.matches("/dev/vfio/(vfio|(noiommu-)?[0-9]+)")) {
      seen.add("open " + path);
    }
    int fd = super.open(path, flags);
    if (fd >= 0) {
      paths.put(fd, path);
    }
    return fd;
  }

  @Override
  public int dup(int fd) {
    int copy = super.dup(fd);
    if (copy >= 0) {
      paths.put(copy, path(fd));
    }
    return copy;
  }

  @Override
  public int close(int fd) {
    paths.remove(fd);
    return super.close(fd);
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return called(fd, request, super.ioctl(fd, request, argument));
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    return called(fd, request, super.ioctl(fd, request, argument));
  }

  /**
   * The calls of a device have numbers of their own, or those that a container has too. What names
   * no file is nobody's call.
   */
  private int called(int fd, int request, int result) {
    boolean ofGroups = request >= FIRST && request <= LAST && !Errno.EBADF.is(result);
    boolean ofContainers = path(fd).equals("/dev/iommu") && request < FIRST_OF_IOMMUFD;
    if (ofGroups || ofContainers) {
      seen.add("ioctl " + Integer.toHexString(request) + " on " + path(fd));
    }
    if (request == VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD) {
      binds.add(path(fd));
    }
    return result;
  }

  /** What of the group world was seen. */
  List<String> seen() {
    return List.copyOf(seen);
  }

  /** The nodes that were bound, or were to be. */
  List<String> binds() {
    return List.copyOf(binds);
  }
}
