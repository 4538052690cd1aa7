// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_ERROR;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_PRE_COPY;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_PRE_COPY_P2P;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_RESUMING;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_RUNNING;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_STOP;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_STOP_COPY;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_MIGRATION_P2P;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_MIGRATION_PRE_COPY;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_MIGRATION_STOP_COPY;

import org.vfio4j.Errno;
import org.vfio4j.testkit.device.Migratable;

/**
 * The migration of a device: its state, which outlives its files, and the stream underway.
 *
 * <p>Source: {@code samples/vfio-mdev/mtty.c}, whose driver can all of it.
 */
final class DeviceMigration {
  private final Migratable model;
  private int state = VFIO_DEVICE_STATE_RUNNING;
  private SavingFile saving;
  private boolean tellsOfNewInitialData;
  private ResumingFile resuming;

  DeviceMigration(Migratable model) {
    this.model = model;
  }

  int flags() {
    return VFIO_MIGRATION_STOP_COPY
        | (model.hasP2p() ? VFIO_MIGRATION_P2P : 0)
        | (model.hasPreCopy() ? VFIO_MIGRATION_PRE_COPY : 0);
  }

  long stopCopyLength() {
    return model.stopCopyLength();
  }

  int state() {
    if (model.hasFailed()) {
      state = VFIO_DEVICE_STATE_ERROR;
    }
    return state;
  }

  boolean isPreCopy() {
    return state == VFIO_DEVICE_STATE_PRE_COPY || state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
  }

  /** The stream that the last step gives; null for none. */
  OpenFile set(int target) {
    OpenFile given = null;
    while (state() != target) {
      int next = MigrationFsm.next(state, target, flags());
      given = step(next);
      state = next;
    }
    return given;
  }

  private OpenFile step(int next) {
    if (state == VFIO_DEVICE_STATE_RESUMING) {
      // Without a stream since its file was closed in this state.
      int result = resuming == null ? Errno.EINVAL.result() : resuming.load();
      if (result < 0) {
        throw KernelError.of(Errno.ofResult(result));
      }
      closeStreams();
      return null;
    }
    boolean ends =
        (isPreCopy() && !isSaving(next))
            || (state == VFIO_DEVICE_STATE_STOP_COPY && next == VFIO_DEVICE_STATE_STOP);
    if (ends) {
      closeStreams();
      return null;
    }
    if (isPreCopy() && next != VFIO_DEVICE_STATE_STOP_COPY) {
      // Between the two of pre-copy nothing is given, even where a close has ended the stream.
      return null;
    }
    if (next == VFIO_DEVICE_STATE_RESUMING) {
      resuming = new ResumingFile(model.receive());
      resuming.hold();
      return resuming;
    }
    return isSaving(next) ? save(next) : null;
  }

  private static boolean isSaving(int state) {
    return state == VFIO_DEVICE_STATE_STOP_COPY
        || state == VFIO_DEVICE_STATE_PRE_COPY
        || state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
  }

  private OpenFile save(int next) {
    OpenFile given = null;
    if (saving == null) {
      saving = new SavingFile(this, model.preCopy());
      saving.hold();
      given = saving;
    }
    if (next == VFIO_DEVICE_STATE_STOP_COPY) {
      saving.append(model.stopCopy());
    }
    return given;
  }

  /** What was given stays open, and is of no use. */
  void closeStreams() {
    if (saving != null) {
      saving.disable();
      saving.drop();
      saving = null;
    }
    if (resuming != null) {
      resuming.disable();
      resuming.drop();
      resuming = null;
    }
  }

  /** VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2. */
  void tellOfNewInitialData() {
    tellsOfNewInitialData = true;
  }

  /** Nobody has the device open any more. */
  void closed() {
    tellsOfNewInitialData = false;
    closeStreams();
  }

  /** What is to be read anew; empty for nothing. */
  byte[] newInitialData() {
    return model.newInitialData();
  }

  boolean tellsOfNewInitialData() {
    return tellsOfNewInitialData;
  }

  /** VFIO_DEVICE_RESET. */
  void reset() {
    state = VFIO_DEVICE_STATE_RUNNING;
    closeStreams();
  }
}
