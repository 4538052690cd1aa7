// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.linux.Kernel;

/** What reaches a kernel: whether a file or a call of the group world is among it. */
final class GroupCalls {
  private static final int FIRST = 0x3B64;

  /** The last of those that only containers and groups have. */
  private static final int LAST = 0x3B6A;

  private final Map<Integer, String> paths = new ConcurrentHashMap<>();
  private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
  private final List<String> binds = Collections.synchronizedList(new ArrayList<>());
  private final Kernel kernel;

  GroupCalls(Kernel below) {
    this.kernel =
        (Kernel)
            Proxy.newProxyInstance(
                Kernel.class.getClassLoader(),
                new Class<?>[] {Kernel.class},
                (proxy, method, arguments) -> {
                  Object result;
                  try {
                    result = method.invoke(below, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                  switch (method.getName()) {
                    case "open" -> opened((String) arguments[0], (int) result);
                    case "dup" -> paths.put((int) result, path((int) arguments[0]));
                    case "close" -> paths.remove((int) arguments[0]);
                    case "ioctl" -> called((int) arguments[0], (int) arguments[1]);
                    default -> {}
                  }
                  return result;
                });
  }

  Kernel kernel() {
    return kernel;
  }

  private String path(int fd) {
    return paths.getOrDefault(fd, "");
  }

  private void opened(String path, int fd) {
    if (path.matches("/dev/vfio/(vfio|(noiommu-)?[0-9]+)")) {
      seen.add("open " + path);
    }
    if (fd >= 0) {
      paths.put(fd, path);
    }
  }

  /** The calls of a device have numbers of their own, or those that a container has too. */
  private void called(int fd, int request) {
    boolean ofGroups = request >= FIRST && request <= LAST;
    boolean ofContainers = path(fd).equals("/dev/iommu") && request < 0x3B80;
    if (ofGroups || ofContainers) {
      seen.add("ioctl " + Integer.toHexString(request) + " on " + path(fd));
    }
    if (request == VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD) {
      binds.add(path(fd));
    }
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
