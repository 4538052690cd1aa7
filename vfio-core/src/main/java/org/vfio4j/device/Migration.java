// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.Optional;
import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigDataSize;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigState;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigration;
import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * The migration of a device: its state machine, and the streams that its state goes through.
 *
 * <pre>{@code
 * SavingStream state = here.stopCopy();       // the device does nothing any more
 * state.transferTo(network);
 *
 * ResumingStream state = there.resume();      // another device of the same kind
 * state.write(...);
 * there.setState(MigrationState.RUNNING);
 * }</pre>
 *
 * <p>A state that is not a neighbour of the present one is reached through those between; the
 * kernel goes the shortest way, and leaves out what the device does not have. From {@link
 * MigrationState#STOP_COPY} there is no way back to pre-copy but through {@link
 * MigrationState#RUNNING}, asked for by itself; from {@link MigrationState#ERROR} none but a reset.
 *
 * <p>One object for a device: it remembers the stream that pre-copy began. Thread safe. Linux 5.18.
 * Source: {@code drivers/vfio/vfio_main.c}, {@code vfio_mig_get_next_state()}.
 */
public final class Migration {
  private static final String SET_STATE =
      "VFIO_DEVICE_FEATURE (to set " + DeviceFeature.MIG_DEVICE_STATE + ")";

  /** What a device can beside STOP_COPY, which every one can that migrates. */
  public enum Flag {
    /** The states STOP, STOP_COPY and RESUMING. */
    STOP_COPY(VfioDeviceUapi.VFIO_MIGRATION_STOP_COPY),
    /** The states that stop DMA to other devices first. */
    P2P(VfioDeviceUapi.VFIO_MIGRATION_P2P),
    /** A part of the state can be read while the device runs. Linux 6.2. */
    PRE_COPY(VfioDeviceUapi.VFIO_MIGRATION_PRE_COPY);

    private final long bit;

    Flag(long bit) {
      this.bit = bit;
    }
  }

  private final VfioDevice device;
  private final long bits;
  private SavingStream saving;

  private Migration(VfioDevice device, long bits) {
    this.device = device;
    this.bits = bits;
  }

  /** Of {@link VfioDevice#migration()}. */
  static Migration of(VfioDevice device) {
    VfioDeviceFeature answer = new VfioDeviceFeature(VfioDeviceFeatureMigration.SIZEOF);
    DeviceFeatures.get(device, DeviceFeature.MIGRATION, answer);
    long flags = answer.getLong(VfioDeviceFeature.DATA + VfioDeviceFeatureMigration.FLAGS);
    return new Migration(device, flags);
  }

  /** What the device can: {@code VFIO_MIGRATION_}, unknown bits included. */
  public long bits() {
    return bits;
  }

  public boolean has(Flag flag) {
    return (bits & flag.bit) != 0;
  }

  /** The flags that are set, as far as they are known. */
  public Set<Flag> flags() {
    return Flags.set(Flag.class, this::has);
  }

  /**
   * What the device is doing.
   *
   * @throws VfioException ({@link Reason#OTHER} for a state that this library does not know)
   */
  public MigrationState state() {
    VfioDeviceFeature answer = stateBlock();
    DeviceFeatures.get(device, DeviceFeature.MIG_DEVICE_STATE, answer);
    int number = stateOf(answer);
    MigrationState state = MigrationState.of(number);
    if (state == null) {
      throw VfioException.failed(Reason.OTHER, "VFIO_DEVICE_FEATURE")
          .on("to get the migration state of " + device)
          .fact("the state is number " + number + ", which this library does not know")
          .build();
    }
    return state;
  }

  /**
   * Brings the device into a state, through those between.
   *
   * @return the stream, where the kernel gives a new one: at the entry to {@link
   *     MigrationState#PRE_COPY}, {@link MigrationState#PRE_COPY_P2P} or {@link
   *     MigrationState#STOP_COPY} a {@link SavingStream}, unless the stream of an earlier one of
   *     these goes on; at the entry to {@link MigrationState#RESUMING} a {@link ResumingStream}
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL when there is no way to the
   *     state; what the driver of the device says when it fails, or refuses the data that it got;
   *     the device is in another state then, which the message names)
   */
  public synchronized Optional<MigrationStream> setState(MigrationState target) {
    VfioDeviceFeature set = stateBlock();
    set.putInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DEVICE_STATE, target.number());
    set.putInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DATA_FD, -1);
    device.lifetime().enter();
    try {
      int result =
          DeviceFeatures.call(
              device, DeviceFeature.MIG_DEVICE_STATE, VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET, set);
      if (result < 0) {
        throw refused(target, result);
      }
      int fd = set.getInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DATA_FD);
      String name = (target.isSaving() ? "saving" : "resuming") + " stream of " + device;
      if (!target.isSaving()) {
        saving = null;
      }
      if (fd < 0) {
        return Optional.empty();
      }
      if (target.isSaving()) {
        saving = new SavingStream(device.kernel(), fd, name, device.lifetime());
        return Optional.of(saving);
      }
      return Optional.of(new ResumingStream(device.kernel(), fd, name, device.lifetime()));
    } finally {
      device.lifetime().leave();
    }
  }

  /**
   * To {@link MigrationState#PRE_COPY}: the device goes on, and a part of its state can be read.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} without {@link Flag#PRE_COPY}, and as
   *     {@link #save})
   */
  public SavingStream preCopy() {
    if (!has(Flag.PRE_COPY)) {
      throw VfioException.failed(Reason.NOT_SUPPORTED, SET_STATE)
          .on("of " + device + " to " + MigrationState.PRE_COPY)
          .fact("of migration the device can " + flags())
          .hint("stop it and copy then: stopCopy()")
          .build();
    }
    return save(MigrationState.PRE_COPY);
  }

  /**
   * To {@link MigrationState#STOP_COPY}: the device stops, and all of its state can be read, or
   * what pre-copy has left of it.
   *
   * @throws VfioException as {@link #save}
   */
  public SavingStream stopCopy() {
    return save(MigrationState.STOP_COPY);
  }

  /**
   * To one of the states in which the device is saved.
   *
   * @return the stream that begins, or the one that goes on
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when {@code target} is no such state,
   *     {@link Reason#WRONG_STATE} when the device is being saved through a stream that this object
   *     did not get, or that is closed; and as {@link #setState})
   */
  public synchronized SavingStream save(MigrationState target) {
    if (!target.isSaving()) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, SET_STATE)
          .on("of " + device + " to " + target)
          .fact("in this state nothing can be read of the device")
          .build();
    }
    boolean known = saving != null && !saving.isClosed();
    if (!known) {
      MigrationState present = state();
      if (present.isSaving()) {
        throw VfioException.failed(Reason.WRONG_STATE, SET_STATE)
            .on("of " + device + " to " + target)
            .fact(
                "the device is in "
                    + present
                    + " already: the kernel gave the stream at the entry, and gives no second one")
            .hint("begin anew from RUNNING")
            .build();
      }
    }
    setState(target);
    if (saving == null) {
      throw VfioException.failed(Reason.OTHER, SET_STATE)
          .on("of " + device + " to " + target)
          .fact("the kernel's answer is malformed: it gave no stream at the entry to the state")
          .hint("this is a bug of the device's driver in the kernel; report it there")
          .build();
    }
    return saving;
  }

  /**
   * To {@link MigrationState#RESUMING}: the device takes a state.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE} when it is in that state already, and as
   *     {@link #setState})
   */
  public ResumingStream resume() {
    return setState(MigrationState.RESUMING)
        .map(ResumingStream.class::cast)
        .orElseThrow(
            () ->
                VfioException.failed(Reason.WRONG_STATE, SET_STATE)
                    .on("of " + device + " to " + MigrationState.RESUMING)
                    .fact("it is in this state already, and the kernel gives one stream")
                    .hint("to begin anew, set the state to STOP first, or reset the device")
                    .build());
  }

  /**
   * How much {@link MigrationState#STOP_COPY} would have to move, in bytes: the driver's estimate.
   * Linux 6.2.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY)
   */
  public long stopCopyLength() {
    VfioDeviceFeature answer = new VfioDeviceFeature(VfioDeviceFeatureMigDataSize.SIZEOF);
    DeviceFeatures.get(device, DeviceFeature.MIG_DATA_SIZE, answer);
    return answer.getLong(VfioDeviceFeature.DATA + VfioDeviceFeatureMigDataSize.STOP_COPY_LENGTH);
  }

  /**
   * Asks the driver to say when the initial data of pre-copy is to be read anew: {@link
   * PreCopyInfo#isReinitialized()}. Linux 7.1.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY, {@link Reason#INVALID_ARGUMENT}:
   *     EINVAL without {@link Flag#PRE_COPY})
   */
  public void reportNewInitialData() {
    DeviceFeatures.set(device, DeviceFeature.MIG_PRECOPY_INFO_V2, new VfioDeviceFeature(0));
  }

  private VfioException refused(MigrationState target, long result) {
    String object = "of " + device + " to " + target;
    Errno errno = Errno.ofResult(result);
    if (errno == Errno.ENOTTY) {
      return DeviceErrors.feature(device, DeviceFeature.MIG_DEVICE_STATE, "to set", result);
    }
    VfioException.Builder failure = DeviceErrors.call(SET_STATE, object, result);
    try {
      MigrationState now = state();
      failure.fact("the device is in " + now + "; of migration it can " + flags());
      failure.hint(
          now == MigrationState.ERROR
              ? "only a reset leads out of ERROR: VfioDevice.reset()"
              : "there is no way to ERROR, from STOP_COPY to pre-copy, and to states that the"
                  + " device does not have; out of RESUMING only with all of the data");
    } catch (VfioException unknown) {
      failure.fact("and its state is unknown: " + unknown.getMessage());
    }
    return failure.build();
  }

  private static VfioDeviceFeature stateBlock() {
    return new VfioDeviceFeature(VfioDeviceFeatureMigState.SIZEOF);
  }

  private static int stateOf(VfioDeviceFeature block) {
    return block.getInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DEVICE_STATE);
  }

  @Override
  public String toString() {
    return "migration of " + device + ": " + flags();
  }
}
