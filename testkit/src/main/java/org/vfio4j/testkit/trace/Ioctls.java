// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.trace;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.trace.TraceFormat;

/** The names of ioctls, as the headers have them. */
public final class Ioctls {
  /** {@code VFIO_TYPE}: the upper byte of all numbers of VFIO and iommufd. */
  private static final int TYPE = ';' << Byte.SIZE;

  /** {@code VFIO_BASE}. */
  private static final int FIRST = TYPE | 100;

  private static final int LAST = TYPE | 0xff;
  private static final Map<Integer, String> NAMES = names();

  private Ioctls() {}

  private static Map<Integer, String> names() {
    Map<Integer, String> names = new TreeMap<>();
    for (Class<?> numbers :
        new Class<?>[] {
          VfioGroupUapi.class, VfioDeviceUapi.class, VfioCdevUapi.class, IommufdUapi.class
        }) {
      for (Field field : numbers.getFields()) {
        if (field.getType() == int.class && Modifier.isStatic(field.getModifiers())) {
          add(names, field);
        }
      }
    }
    return names;
  }

  private static void add(Map<Integer, String> names, Field field) {
    try {
      int number = field.getInt(null);
      if (number >= FIRST && number <= LAST) {
        // VFIO uses some numbers twice, for different files.
        names.merge(number, field.getName(), (one, other) -> one + " or " + other);
      }
    } catch (IllegalAccessException e) {
      throw new LinkageError("constants of a header are public", e);
    }
  }

  /** How traces of VFIO and iommufd are written and read. */
  public static TraceFormat format() {
    return new TraceFormat(Ioctls::names, IoctlArrays::find);
  }

  /** The name of an ioctl, or names where two files have one number; else the number. */
  public static String names(int request) {
    return NAMES.getOrDefault(request, String.format("%#x", request));
  }
}
