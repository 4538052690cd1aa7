// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;

/**
 * A mediated device, as software: what is behind the file that its user opens.
 *
 * <p>The fake kernel calls it with one thread at a time. A model must do all that an access causes
 * before it returns, DMA and interrupts among it: then tests are deterministic.
 */
public interface MediatedModel {
  /** Called once, when the device was created. */
  void connect(MediatedBus bus);

  /** How many regions VFIO_DEVICE_GET_INFO counts. */
  int regions();

  /** Empty where the index is refused. */
  Optional<MediatedRegion> region(int index);

  /** How many interrupts VFIO_DEVICE_GET_INFO counts; none unless the model says otherwise. */
  default int irqs() {
    return 0;
  }

  /**
   * Whether it has interrupts only once VFIO_DEVICE_GET_INFO was asked for them, as most of the
   * kernel's samples.
   */
  default boolean countsIrqsWhenAsked() {
    return true;
  }

  /**
   * How large the argument of VFIO_DEVICE_GET_REGION_INFO may be; what has no room in it is cut
   * off. 0, as for most drivers, for no limit, and capabilities that come whole or not at all.
   */
  default int regionInfoLimit() {
    return 0;
  }

  /** Empty where the driver knows nothing of an index below {@link #irqs()}. */
  default Optional<MediatedIrq> irq(int index) {
    return Optional.empty();
  }

  /**
   * Whether an access to the file of the device reaches something; the read or write fails with
   * EFAULT otherwise.
   */
  default boolean reaches(long position, int width) {
    for (int i = 0; i < regions(); i++) {
      if (region(i).filter(region -> region.contains(position)).isPresent()) {
        return true;
      }
    }
    return false;
  }

  /**
   * A read through the file of the device.
   *
   * @param position in the file, a multiple of the width: {@link MediatedRegion#offset()} and more
   * @param width 1, 2 or 4 bytes
   * @return the value; bits above the width are ignored
   */
  long read(long position, int width);

  /** A write through the file of the device; bits of {@code value} above the width are 0. */
  void write(long position, int width, long value);

  /**
   * The memory that a mapping of the region shows, at least as large as the region: accesses to it
   * do not reach the model. Empty where the region cannot be mapped.
   */
  default Optional<ByteBuffer> memory(int region) {
    return Optional.empty();
  }

  /** VFIO_DEVICE_RESET. */
  default void reset() {}

  /** Its first user has opened it. */
  default void opened() {}

  /** Its last user has closed it. */
  default void closed() {}

  /** It is gone: what it had of its parent is free again. */
  default void removed() {}

  /** Files in its folder, by their paths there: {@code vendor/resolution}. */
  default Map<String, MediatedAttribute> attributes() {
    return Map.of();
  }
}
