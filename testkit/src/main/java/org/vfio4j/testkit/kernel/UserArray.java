// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;

/** An array of structs that only a driver understands, and how many of them it has done. */
final class UserArray {
  private final int type;
  private final UserPointer pointer;
  private final int entryLength;
  private final int count;
  private int done;

  UserArray(int type, UserPointer pointer, int entryLength, int count) {
    this.type = type;
    this.pointer = pointer;
    this.entryLength = entryLength;
    this.count = count;
  }

  int type() {
    return type;
  }

  int count() {
    return count;
  }

  /** iommu_copy_struct_from_user_array(). */
  ByteBuffer struct(int index, int wantedType, int first, int size) {
    long at = pointer.number() + (long) entryLength * index;
    return new UserData(type, pointer.at(at), entryLength).struct(wantedType, first, size);
  }

  /** One more. */
  void finished() {
    done++;
  }

  int done() {
    return done;
  }
}
