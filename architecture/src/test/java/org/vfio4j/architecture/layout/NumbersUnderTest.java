// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/** A class of kernel numbers: each constant against the macro or enumerator of the same name. */
final class NumbersUnderTest {
  private final Map<String, Number> constants = new TreeMap<>();

  NumbersUnderTest(Class<?> type) throws ReflectiveOperationException {
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
        field.setAccessible(true);
        if (field.get(null) instanceof Number number) {
          constants.put(field.getName(), number);
        }
      }
    }
  }

  Set<String> expressions() {
    return constants.keySet();
  }

  /** One line each; those in {@code absent} are not looked at. */
  List<String> differences(CompilerView c, Set<String> absent) {
    List<String> differences = new ArrayList<>();
    constants.forEach(
        (name, number) -> {
          OptionalLong value = c.value(name);
          if (absent.contains(name)) {
            return;
          }
          if (value.isEmpty()) {
            differences.add("the headers have no " + name);
          } else if (!isSame(number, value.getAsLong())) {
            differences.add("%s: %#x here, %#x in C".formatted(name, number, value.getAsLong()));
          }
        });
    return differences;
  }

  /** An int here may be an unsigned int there. */
  private static boolean isSame(Number java, long c) {
    return java.longValue() == c
        || (java instanceof Integer && Integer.toUnsignedLong(java.intValue()) == c);
  }
}
