// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.memory;

/**
 * A kernel struct in native memory.
 *
 * <p>Each struct of the kernel is one subclass, named as in the header: {@code IommuIoasMap} is
 * {@code struct iommu_ioas_map}. Its constant {@code SIZEOF} is the size of the struct in bytes,
 * every other {@code int} constant is the offset of the field of that name, in capitals. The layout
 * tests find every subclass and compare all of these with what the C compiler says of the kernel's
 * headers.
 *
 * <p>Fields are zero until set: the kernel refuses reserved fields that are not. Not thread safe.
 */
public abstract class Struct extends NativeBlock {
  /** A zeroed struct; {@code size} counts what follows the fixed fields, if anything does. */
  protected Struct(int size) {
    super(size);
  }
}
