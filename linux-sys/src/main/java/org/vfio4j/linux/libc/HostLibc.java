// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.libc;

import java.util.ServiceLoader;

/** The one {@link Libc} of this JVM. */
public final class HostLibc {
  private static final Libc INSTANCE =
      ServiceLoader.load(Libc.class, Libc.class.getClassLoader())
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("no implementation of " + Libc.class));

  private HostLibc() {}

  public static Libc get() {
    return INSTANCE;
  }
}
