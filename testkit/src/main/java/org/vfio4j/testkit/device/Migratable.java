// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * What a {@link DeviceModel} or a {@link MediatedModel} implements beside that to be one that
 * migrates.
 *
 * <p>The fake kernel walks the state machine, keeps the streams and serves the calls; a model only
 * gives its state and takes one. It is asked when its device stops, so what it gives must be all
 * that matters.
 */
public interface Migratable {
  /** Whether it can stop reaching other devices before it stops altogether. */
  boolean hasP2p();

  /** Whether a part of its state can be saved while it runs. */
  boolean hasPreCopy();

  /** What a driver would estimate for all of its state, in bytes. */
  long stopCopyLength();

  /** What can be saved while it runs; the stream of a saving begins with it in any case. */
  byte[] preCopy();

  /**
   * What is to be saved while it runs beside what was given so far, since the device is another one
   * now: a firmware that was replaced, for one. Asked with each VFIO_MIG_GET_PRECOPY_INFO; who
   * asked to be told hears that it is new.
   */
  default byte[] newInitialData() {
    return new byte[0];
  }

  /** The rest of its state, now that it is stopped. */
  byte[] stopCopy();

  /**
   * Whether it has failed for good: it is in the state ERROR then, until it is reset. Asked before
   * each call on its migration.
   */
  default boolean hasFailed() {
    return false;
  }

  /** A state is about to come. */
  Receiver receive();

  /** Takes the state that another device of this kind gave. */
  interface Receiver {
    /** The most that it takes in all, in bytes: more is refused with ENOMEM. */
    long capacity();

    /**
     * Takes some more. It is taken whatever this returns.
     *
     * @return 0, or the negative errno with which the write is to fail
     */
    int write(byte[] data);

    /**
     * That was all: takes effect.
     *
     * @return 0, or the negative errno with which leaving the state is to fail: nothing must have
     *     changed then
     */
    int load();
  }
}
