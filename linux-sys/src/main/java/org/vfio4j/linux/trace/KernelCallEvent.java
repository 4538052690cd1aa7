// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A call of the port, for Java Flight Recorder. */
@Name("org.vfio4j.KernelCall")
@Label("Kernel Call")
@Category("vfio4j")
@Description("A system call that vfio4j made")
final class KernelCallEvent extends Event {
  @Label("Call")
  String call;

  @Label("Result")
  @Description("What the call returned, or the negative errno")
  long result;

  @Label("Details")
  @Description("The argument after the call, as far as it is known")
  String details;
}
