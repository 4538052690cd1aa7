// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

/**
 * A thread of the library itself, which waits on behalf of the program. It does not keep the JVM
 * from ending.
 *
 * <p>Its calls come when they come. Whoever counts the calls of a program, to let the n-th fail or
 * to replay them, knows them by this class.
 */
public final class HelperThread extends Thread {
  public HelperThread(Runnable task, String name) {
    super(task, name);
    setDaemon(true);
  }
}
