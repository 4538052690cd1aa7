// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.uapi;

import com.tngtech.archunit.core.domain.JavaClass;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.architecture.Production;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Constant;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.Struct;

/** Where the library has the kernel's numbers and structs: a constant, a class. */
final class TypedPlaces {
  private static final String SIZEOF = "SIZEOF";

  private final Map<String, Field> numbers = new TreeMap<>();
  private final Map<String, Class<?>> structs = new TreeMap<>();

  TypedPlaces() {
    for (JavaClass type : Production.classes()) {
      if (type.getSimpleName().endsWith("Uapi")) {
        constants(type.reflect()).values().forEach(field -> numbers.put(field.getName(), field));
      } else if (type.isAssignableTo(Struct.class) && !type.isEquivalentTo(Struct.class)) {
        structs.put(tag(type.getSimpleName()), type.reflect());
      }
    }
  }

  /** Null where there is none. */
  Field number(String name) {
    return numbers.get(name);
  }

  /** Null where there is none. */
  Class<?> struct(String tag) {
    return structs.get(tag);
  }

  /** What the inventory has and the library has not, or not so: one line each. */
  List<String> missing(Inventory inventory) {
    List<String> missing = new ArrayList<>();
    for (Ioctl ioctl : inventory.ioctls()) {
      addNumber(missing, ioctl.name(), ioctl.number());
    }
    for (Layout layout : inventory.structs()) {
      addStruct(missing, layout);
    }
    for (Constant constant : inventory.constants()) {
      addNumber(missing, constant.name(), constant.value());
    }
    return missing;
  }

  /** What the library has and the inventory has not: one line each. */
  List<String> unknown(Inventory inventory) {
    List<String> unknown = new ArrayList<>();
    for (Map.Entry<String, Field> number : numbers.entrySet()) {
      String name = number.getKey();
      if (inventory.ioctl(name) == null && inventory.constant(name) == null) {
        unknown.add(name);
      }
    }
    for (Map.Entry<String, Class<?>> struct : structs.entrySet()) {
      Layout layout = inventory.struct(struct.getKey());
      if (layout == null) {
        if (!struct.getValue().getPackageName().startsWith(Linux.class.getPackageName())) {
          unknown.add("struct " + struct.getKey());
        }
        continue;
      }
      for (String name : constants(struct.getValue()).keySet()) {
        boolean known = layout.fields().stream().anyMatch(field -> isNamed(name, field.name()));
        if (!known && !name.equals(SIZEOF)) {
          unknown.add("struct " + struct.getKey() + ": " + name);
        }
      }
    }
    return unknown;
  }

  private void addNumber(List<String> missing, String name, long value) {
    Field field = numbers.get(name);
    if (field == null) {
      missing.add(name);
    } else if (number(field) != value && Integer.toUnsignedLong((int) number(field)) != value) {
      missing.add("%s: %#x, not %#x".formatted(name, number(field), value));
    }
  }

  private void addStruct(List<String> missing, Layout layout) {
    Class<?> type = structs.get(layout.tag());
    String name = "struct " + layout.tag();
    if (type == null) {
      missing.add(name);
      return;
    }
    Map<String, Field> offsets = constants(type);
    long size = number(offsets.get(SIZEOF));
    if (size != layout.size()) {
      missing.add(name + ": " + size + " bytes, not " + layout.size());
    }
    for (Inventory.Field field : layout.fields()) {
      Field offset =
          offsets.values().stream()
              .filter(constant -> isNamed(constant.getName(), field.name()))
              .findFirst()
              .orElse(null);
      if (offset != null && number(offset) != field.offset()) {
        missing.add(
            name + "." + field.name() + ": at " + number(offset) + ", not " + field.offset());
      } else if (offset == null && isMeant(field) && !isShared(offsets, layout, field)) {
        missing.add(name + "." + field.name());
      }
    }
  }

  /** Whether it is of a union, and another name of the same bytes is there. */
  private static boolean isShared(
      Map<String, Field> offsets, Layout layout, Inventory.Field field) {
    return layout.fields().stream()
        .filter(other -> other.offset() == field.offset() && other.width() == field.width())
        .anyMatch(other -> offsets.keySet().stream().anyMatch(name -> isNamed(name, other.name())));
  }

  /** Not what is reserved, the header that all capabilities begin with, or an array at the end. */
  private static boolean isMeant(Inventory.Field field) {
    return !field.name().matches("_.*|reserved|pad|header") && field.width() != 0;
  }

  private static boolean isNamed(String constant, String field) {
    String name = constant.toLowerCase(Locale.ROOT);
    return name.equals(field) || ("__" + name).equals(field);
  }

  private static Map<String, Field> constants(Class<?> type) {
    Map<String, Field> constants = new TreeMap<>();
    for (Field field : type.getDeclaredFields()) {
      boolean number = field.getType() == int.class || field.getType() == long.class;
      int modifiers = field.getModifiers();
      if (number && Modifier.isStatic(modifiers) && Modifier.isPublic(modifiers)) {
        field.setAccessible(true);
        constants.put(field.getName(), field);
      }
    }
    return constants;
  }

  private static long number(Field field) {
    try {
      return field.getLong(null);
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }

  /** VfioIommuType1Info is vfio_iommu_type1_info. */
  private static String tag(String name) {
    return name.replaceAll("(?<!^)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
