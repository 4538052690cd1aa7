// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_ERROR;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_PRE_COPY;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_PRE_COPY_P2P;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_RESUMING;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_RUNNING;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_RUNNING_P2P;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_STOP;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_STATE_STOP_COPY;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_MIGRATION_P2P;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_MIGRATION_PRE_COPY;

import org.vfio4j.Errno;

/**
 * The next state on the way from one state of migration to another.
 *
 * <p>Source: {@code drivers/vfio/vfio_main.c}, {@code vfio_mig_get_next_state()}.
 */
final class MigrationFsm {
  private static final int STATES = 8;

  private MigrationFsm() {}

  /**
   * EINVAL where there is no way.
   *
   * @param flags what the device can: {@code VFIO_MIGRATION_}
   */
  static int next(int from, int to, int flags) {
    boolean known = to >= 0 && to < STATES && has(to, flags);
    KernelError.refuseIf(!known, Errno.EINVAL);
    int next = step(from, to);
    while (next != VFIO_DEVICE_STATE_ERROR && !has(next, flags)) {
      next = step(next, to);
    }
    KernelError.refuseIf(next == VFIO_DEVICE_STATE_ERROR, Errno.EINVAL);
    return next;
  }

  private static boolean has(int state, int flags) {
    boolean p2p = (flags & VFIO_MIGRATION_P2P) != 0;
    boolean preCopy = (flags & VFIO_MIGRATION_PRE_COPY) != 0;
    return switch (state) {
      case VFIO_DEVICE_STATE_RUNNING_P2P -> p2p;
      case VFIO_DEVICE_STATE_PRE_COPY -> preCopy;
      case VFIO_DEVICE_STATE_PRE_COPY_P2P -> p2p && preCopy;
      case VFIO_DEVICE_STATE_ERROR -> false;
      default -> true;
    };
  }

  /** As if the device had all states. */
  private static int step(int from, int to) {
    if (from == to) {
      return to;
    }
    return switch (from) {
      case VFIO_DEVICE_STATE_STOP ->
          switch (to) {
            case VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_RESUMING -> to;
            default -> VFIO_DEVICE_STATE_RUNNING_P2P;
          };
      case VFIO_DEVICE_STATE_RUNNING ->
          to == VFIO_DEVICE_STATE_PRE_COPY ? to : VFIO_DEVICE_STATE_RUNNING_P2P;
      case VFIO_DEVICE_STATE_PRE_COPY ->
          switch (to) {
            case VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_STOP_COPY ->
                VFIO_DEVICE_STATE_PRE_COPY_P2P;
            default -> VFIO_DEVICE_STATE_RUNNING;
          };
      case VFIO_DEVICE_STATE_PRE_COPY_P2P ->
          switch (to) {
            case VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_STOP_COPY -> to;
            default -> VFIO_DEVICE_STATE_RUNNING_P2P;
          };
      case VFIO_DEVICE_STATE_STOP_COPY ->
          switch (to) {
            case VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY_P2P ->
                VFIO_DEVICE_STATE_ERROR;
            default -> VFIO_DEVICE_STATE_STOP;
          };
      case VFIO_DEVICE_STATE_RESUMING -> VFIO_DEVICE_STATE_STOP;
      case VFIO_DEVICE_STATE_RUNNING_P2P ->
          switch (to) {
            case VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_PRE_COPY -> VFIO_DEVICE_STATE_RUNNING;
            case VFIO_DEVICE_STATE_PRE_COPY_P2P -> to;
            default -> VFIO_DEVICE_STATE_STOP;
          };
      default -> VFIO_DEVICE_STATE_ERROR;
    };
  }
}
