// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.group.uapi.VfioEehPeErr;
import org.vfio4j.group.uapi.VfioEehPeOp;
import org.vfio4j.group.uapi.VfioSpaprUapi;

/**
 * Enhanced error handling of POWER servers: a group whose device erred is frozen, and thawed or
 * reset by the program. The group is the "partitionable endpoint" (PE).
 *
 * <p><b>Never run on such a machine</b>: see {@link SpaprIommu}.
 *
 * <p>With several groups in the container an operation goes to each of them, and ends with the
 * first whose answer is not 0. Thread safe. Linux 3.17. Source: {@code
 * drivers/vfio/vfio_iommu_spapr_tce.c}, {@code arch/powerpc/kernel/eeh.c}.
 */
public final class EehPe {
  private static final String EEH_PE_OP = "VFIO_EEH_PE_OP";

  /** How a group is. */
  public enum State {
    NORMAL(VfioSpaprUapi.VFIO_EEH_PE_STATE_NORMAL),
    /** It is being reset. */
    RESET(VfioSpaprUapi.VFIO_EEH_PE_STATE_RESET),
    /** Frozen: neither DMA nor access to registers. */
    STOPPED(VfioSpaprUapi.VFIO_EEH_PE_STATE_STOPPED),
    /** Frozen, but for registers. */
    STOPPED_DMA(VfioSpaprUapi.VFIO_EEH_PE_STATE_STOPPED_DMA),
    UNAVAILABLE(VfioSpaprUapi.VFIO_EEH_PE_STATE_UNAVAIL);

    private final int number;

    State(int number) {
      this.number = number;
    }
  }

  /** What a reset does. */
  public enum Reset {
    /** Ends one that is underway. */
    DEACTIVATE(VfioSpaprUapi.VFIO_EEH_PE_RESET_DEACTIVATE),
    HOT(VfioSpaprUapi.VFIO_EEH_PE_RESET_HOT),
    FUNDAMENTAL(VfioSpaprUapi.VFIO_EEH_PE_RESET_FUNDAMENTAL);

    private final int op;

    Reset(int op) {
      this.op = op;
    }
  }

  private final SpaprIommu iommu;

  EehPe(SpaprIommu iommu) {
    this.iommu = iommu;
  }

  /**
   * Switches error handling on.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENODEV, as all others here, when a group
   *     has no error handling)
   */
  public void enable() {
    op(VfioSpaprUapi.VFIO_EEH_PE_ENABLE);
  }

  /** Switches error handling off. */
  public void disable() {
    op(VfioSpaprUapi.VFIO_EEH_PE_DISABLE);
  }

  /** Lets registers be reached again. */
  public void unfreezeIo() {
    op(VfioSpaprUapi.VFIO_EEH_PE_UNFREEZE_IO);
  }

  /** Lets DMA go on. */
  public void unfreezeDma() {
    op(VfioSpaprUapi.VFIO_EEH_PE_UNFREEZE_DMA);
  }

  /**
   * How the group is.
   *
   * @throws VfioException ({@link Reason#OTHER} when the kernel says what this library does not
   *     know)
   */
  public State state() {
    int number = op(VfioSpaprUapi.VFIO_EEH_PE_GET_STATE);
    for (State state : State.values()) {
      if (state.number == number) {
        return state;
      }
    }
    throw VfioException.failed(Reason.OTHER, EEH_PE_OP)
        .on("GET_STATE of " + iommu)
        .fact("the kernel says " + number + ", which is no known state")
        .build();
  }

  public void reset(Reset reset) {
    op(reset.op);
  }

  /** Restores the configuration of the devices after a reset. */
  public void configure() {
    op(VfioSpaprUapi.VFIO_EEH_PE_CONFIGURE);
  }

  /**
   * Makes an error, for tests. Linux 4.1.
   *
   * @param type what kind of error: 0 for 32-bit, 1 for 64-bit addresses
   * @param function which access errs, by {@code EEH_ERR_FUNC_} of {@code asm/eeh.h}
   * @param address the address, on the bus, whose access errs
   * @param mask which bits of the address count
   */
  public void injectError(int type, int function, long address, long mask) {
    VfioEehPeOp op = new VfioEehPeOp().op(VfioSpaprUapi.VFIO_EEH_PE_INJECT_ERR);
    op.putInt(VfioEehPeOp.ERR + VfioEehPeErr.TYPE, type);
    op.putInt(VfioEehPeOp.ERR + VfioEehPeErr.FUNC, function);
    op.putLong(VfioEehPeOp.ERR + VfioEehPeErr.ADDR, address);
    op.putLong(VfioEehPeOp.ERR + VfioEehPeErr.MASK, mask);
    iommu.call(EEH_PE_OP, VfioSpaprUapi.VFIO_EEH_PE_OP, op);
  }

  private int op(int op) {
    return iommu.call(EEH_PE_OP, VfioSpaprUapi.VFIO_EEH_PE_OP, new VfioEehPeOp().op(op));
  }

  @Override
  public String toString() {
    return "error handling of " + iommu;
  }
}
