// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import org.vfio4j.Errno;
import org.vfio4j.linux.Explanation;

/** What makes a bridged call fail; the call returns its result. */
final class BridgeRefusal extends Exception {
  private static final long serialVersionUID = 1;

  private final int result;
  private final transient Explanation explanation;

  /** Without a stack trace: to be refused is nothing unusual. */
  private BridgeRefusal(int result, Explanation explanation) {
    super(Errno.ofResult(result).text(), null, false, false);
    this.result = result;
    this.explanation = explanation;
  }

  static BridgeRefusal of(Errno errno) {
    return new BridgeRefusal(errno.result(), null);
  }

  /** A refusal of the bridge itself, for which the errno alone would tell too little. */
  static BridgeRefusal of(Errno errno, Explanation explanation) {
    return new BridgeRefusal(errno.result(), explanation);
  }

  static void refuseIf(boolean wrong, Errno errno) throws BridgeRefusal {
    if (wrong) {
      throw of(errno);
    }
  }

  /** Passes on what the kernel below refused; gives back what it did not. */
  static int check(int result) throws BridgeRefusal {
    if (result < 0) {
      throw new BridgeRefusal(result, null);
    }
    return result;
  }

  /** The negative errno. */
  int result() {
    return result;
  }

  boolean is(Errno errno) {
    return errno.is(result);
  }

  /** Null where the errno says it all. */
  Explanation explanation() {
    return explanation;
  }
}
