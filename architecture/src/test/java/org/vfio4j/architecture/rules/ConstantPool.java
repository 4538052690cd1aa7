// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.rules;

import com.tngtech.archunit.core.domain.JavaClass;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.objectweb.asm.ClassReader;

/** The string constants of a class, among them the pieces of concatenated strings. */
final class ConstantPool {
  private static final int CONSTANT_STRING = 8;

  private ConstantPool() {}

  static List<String> strings(JavaClass type) {
    ClassReader reader = reader(type);
    char[] buffer = new char[reader.getMaxStringLength()];
    List<String> strings = new ArrayList<>();
    for (int i = 1; i < reader.getItemCount(); i++) {
      // 0: the second half of a long or a double. The tag is the byte before the item.
      int item = reader.getItem(i);
      if (item != 0 && reader.readByte(item - 1) == CONSTANT_STRING) {
        strings.add(reader.readUTF8(item, buffer));
      }
    }
    return strings;
  }

  private static ClassReader reader(JavaClass type) {
    try (InputStream in = type.getSource().orElseThrow().getUri().toURL().openStream()) {
      return new ClassReader(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
