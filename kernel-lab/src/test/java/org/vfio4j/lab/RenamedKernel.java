// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

/** A kernel in which groups and devices have other names: those of like ones. */
final class RenamedKernel extends ForwardingKernel {
  private static final int NAME = 12;

  private final Map<String, String> names;

  /** {@code names}: what callers say, and what it is there. */
  RenamedKernel(Kernel below, Map<String, String> names) {
    super(below);
    this.names = names;
  }

  @Override
  public int open(String path, int flags) {
    return super.open(names.getOrDefault(path, path), flags);
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    boolean device = request == VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
    return super.ioctl(fd, request, device ? renamed(argument) : argument);
  }

  private NativeBlock renamed(NativeBlock name) {
    String said = new String(name.get(0, NAME), StandardCharsets.US_ASCII);
    return names.containsKey(said) ? NativeBlock.ofString(names.get(said)) : name;
  }
}
