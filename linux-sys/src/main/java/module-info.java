// SPDX-License-Identifier: Apache-2.0
/** The port to the kernel, native memory and the contracts of direct memory access. */
module org.vfio4j.linux {
  requires com.sun.jna;
  requires jdk.jfr;

  exports org.vfio4j;
  exports org.vfio4j.dma;
  exports org.vfio4j.linux;
  exports org.vfio4j.linux.trace;
  exports org.vfio4j.memory;

  uses org.vfio4j.linux.libc.Libc;

  provides org.vfio4j.linux.libc.Libc with
      org.vfio4j.linux.jna.JnaLibc;
}
