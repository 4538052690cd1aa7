// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.lang.ref.Cleaner;

/**
 * Something that the kernel holds for this process and that is to be given back.
 *
 * <p>Closing is safe at any time, from any thread, in any order with respect to parents and
 * children, and more than once: see {@link Lifetime}. An object that is lost instead of closed is
 * released and reported: see {@link Leaks}.
 */
public abstract class KernelObject implements AutoCloseable {
  private final Lifetime lifetime;
  private final Cleaner.Cleanable lost;

  /** The release action inside {@code lifetime} must not refer to this object. */
  protected KernelObject(Lifetime lifetime) {
    this.lifetime = lifetime;
    this.lost = Leaks.CLEANER.register(this, lifetime::lost);
  }

  /** For children, which hold their parents, and for running calls. */
  public final Lifetime lifetime() {
    return lifetime;
  }

  /** Whether {@link #close} was called. */
  public final boolean isClosed() {
    return lifetime.isClosed();
  }

  /**
   * Closes the object: from here on every use of it throws. What it stands for is given back to the
   * kernel now or, where a child or a call of another thread still needs it, as soon as that ends.
   *
   * @throws org.vfio4j.VfioException when the kernel refuses
   */
  @Override
  public void close() {
    try {
      lifetime.close();
    } finally {
      lost.clean();
    }
  }

  @Override
  public String toString() {
    return lifetime.toString();
  }
}
