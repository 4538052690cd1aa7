// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

/** A kernel in which groups and devices have other names: those of like ones. */
final class RenamedKernel {
  private static final int NAME = 12;

  private RenamedKernel() {}

  /** {@code names}: what callers say, and what it is there. */
  static Kernel kernel(Kernel kernel, Map<String, String> names) {
    return (Kernel)
        Proxy.newProxyInstance(
            Kernel.class.getClassLoader(),
            new Class<?>[] {Kernel.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("open")) {
                arguments[0] = names.getOrDefault((String) arguments[0], (String) arguments[0]);
              }
              boolean device =
                  method.getName().equals("ioctl")
                      && (int) arguments[1] == VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD
                      && arguments[2] instanceof NativeBlock;
              if (device) {
                arguments[2] = device((NativeBlock) arguments[2], names);
              }
              try {
                return method.invoke(kernel, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static NativeBlock device(NativeBlock name, Map<String, String> names) {
    String said = new String(name.get(0, NAME), StandardCharsets.US_ASCII);
    return names.containsKey(said) ? NativeBlock.ofString(names.get(said)) : name;
  }
}
