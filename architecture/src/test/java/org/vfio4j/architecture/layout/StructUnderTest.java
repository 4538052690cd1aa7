// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.vfio4j.memory.Struct;

/** A class for a kernel struct: its size, its offsets and what its accessors touch, against C. */
final class StructUnderTest {
  /** Room behind the struct, where its constructor asks how much. */
  private static final int ROOM = 64;

  private static final String SIZEOF = "SIZEOF";

  private final Class<? extends Struct> type;
  private final String tag;
  private final Map<String, Integer> constants = new TreeMap<>();

  StructUnderTest(Class<? extends Struct> type) throws ReflectiveOperationException {
    this.type = type;
    this.tag = "struct " + snakeCase(type.getSimpleName());
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getType() == int.class) {
        field.setAccessible(true);
        constants.put(field.getName(), field.getInt(null));
      }
    }
  }

  String tag() {
    return tag;
  }

  /** What {@link #differences} wants to know of the compiler. */
  Set<String> expressions() {
    Set<String> expressions = new TreeSet<>(Set.of(sizeof()));
    for (String name : fieldNames()) {
      for (String field : candidates(name)) {
        expressions.add(offsetof(field));
        expressions.add(width(field));
      }
    }
    return expressions;
  }

  boolean isIn(CompilerView c) {
    return c.value(sizeof()).isPresent();
  }

  /** One line each; none means that the class is right. */
  List<String> differences(CompilerView c) throws ReflectiveOperationException {
    if (!isIn(c)) {
      return List.of("the headers have no " + tag);
    }
    List<String> differences = new ArrayList<>();
    compare(differences, SIZEOF, constants.get(SIZEOF), c.value(sizeof()).getAsLong());
    compare(differences, "capacity()", zeroed(0).capacity(), c.value(sizeof()).getAsLong());
    for (String name : fieldNames()) {
      List<String> known =
          candidates(name).stream().filter(f -> c.value(offsetof(f)).isPresent()).toList();
      if (known.isEmpty()) {
        differences.add(name + ": " + tag + " has no field " + candidates(name));
      } else {
        long offset = c.value(offsetof(known.get(0))).getAsLong();
        compare(differences, "offset " + name, constants.get(name), offset);
        compareAccessors(differences, name, offset, c.value(width(known.get(0))));
      }
    }
    for (Method method : type.getDeclaredMethods()) {
      if (isSetter(method) && !constants.containsKey(constantCase(method.getName()))) {
        differences.add(method.getName() + "(): no offset " + constantCase(method.getName()));
      }
    }
    return differences;
  }

  private void compareAccessors(
      List<String> differences, String name, long offset, OptionalLong width)
      throws ReflectiveOperationException {
    for (Method method : type.getDeclaredMethods()) {
      if (!constantCase(method.getName()).equals(name)) {
        continue;
      }
      method.setAccessible(true);
      if (isSetter(method)) {
        Struct struct = zeroed(ROOM);
        method.invoke(struct, allOnes(method.getParameterTypes()[0]));
        compareBytes(differences, "setter " + method.getName(), changed(struct), offset, width);
      } else if (isGetter(method)) {
        compareBytes(differences, "getter " + method.getName(), read(method), offset, width);
      }
    }
  }

  private static void compareBytes(
      List<String> differences, String what, List<Integer> bytes, long offset, OptionalLong width) {
    List<Integer> expected = new ArrayList<>();
    for (int i = 0; i < width.orElse(0); i++) {
      expected.add((int) offset + i);
    }
    if (!bytes.equals(expected)) {
      differences.add(what + ": touches bytes " + bytes + ", in C the field is " + expected);
    }
  }

  /** The bytes that are no longer 0. */
  private static List<Integer> changed(Struct struct) {
    List<Integer> changed = new ArrayList<>();
    for (int i = 0; i < struct.capacity(); i++) {
      if (struct.getByte(i) != 0) {
        changed.add(i);
      }
    }
    return changed;
  }

  /** The bytes that the getter's answer depends on. */
  private List<Integer> read(Method getter) throws ReflectiveOperationException {
    List<Integer> read = new ArrayList<>();
    Struct struct = zeroed(ROOM);
    for (int i = 0; i < struct.capacity(); i++) {
      struct.putByte(i, (byte) -1);
      if (((Number) getter.invoke(struct)).longValue() != 0) {
        read.add(i);
      }
      struct.putByte(i, (byte) 0);
    }
    return read;
  }

  private Struct zeroed(int room) throws ReflectiveOperationException {
    for (Constructor<?> constructor : type.getDeclaredConstructors()) {
      Object[] arguments =
          switch (Arrays.toString(constructor.getParameterTypes())) {
            case "[]" -> new Object[0];
            case "[int]" -> new Object[] {room};
            default -> null;
          };
      if (arguments != null) {
        constructor.setAccessible(true);
        Struct struct = (Struct) constructor.newInstance(arguments);
        struct.clear();
        return struct;
      }
    }
    throw new NoSuchMethodException(
        type.getName() + " needs a constructor without parameters or with the room behind it");
  }

  private boolean isSetter(Method method) {
    return isInstanceMethod(method)
        && method.getReturnType() == type
        && method.getParameterCount() == 1
        && isInteger(method.getParameterTypes()[0]);
  }

  private static boolean isGetter(Method method) {
    return isInstanceMethod(method)
        && method.getParameterCount() == 0
        && isInteger(method.getReturnType());
  }

  private static boolean isInstanceMethod(Method method) {
    return !Modifier.isStatic(method.getModifiers()) && !method.isSynthetic();
  }

  private static boolean isInteger(Class<?> type) {
    return Stream.of(byte.class, short.class, int.class, long.class).anyMatch(type::equals);
  }

  private static Object allOnes(Class<?> type) {
    if (type == byte.class) {
      return (byte) -1;
    } else if (type == short.class) {
      return (short) -1;
    } else if (type == int.class) {
      return -1;
    }
    return -1L;
  }

  private static void compare(List<String> differences, String what, Integer java, long c) {
    if (java == null || java != c) {
      differences.add(what + ": " + java + " here, " + c + " in C");
    }
  }

  private Set<String> fieldNames() {
    Set<String> names = new TreeSet<>(constants.keySet());
    names.remove(SIZEOF);
    return Collections.unmodifiableSet(names);
  }

  /** Reserved fields have two underscores in C. */
  private static List<String> candidates(String constant) {
    String name = constant.toLowerCase(Locale.ROOT);
    return List.of(name, "__" + name);
  }

  private String sizeof() {
    return "sizeof(" + tag + ")";
  }

  private String offsetof(String field) {
    return "offsetof(" + tag + ", " + field + ")";
  }

  private String width(String field) {
    return "sizeof(((" + tag + " *)0)->" + field + ")";
  }

  private static String constantCase(String methodName) {
    return snakeCase(methodName).toUpperCase(Locale.ROOT);
  }

  /** VfioIommuType1Info is vfio_iommu_type1_info. */
  static String snakeCase(String name) {
    return name.replaceAll("(?<!^)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
