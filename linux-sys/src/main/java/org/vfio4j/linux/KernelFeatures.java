// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * What the kernel can do with an open object, as it said itself when it was asked: never concluded
 * from its release, since distributions mix them.
 *
 * <p>Immutable.
 *
 * @param <F> what there is to be asked
 */
public final class KernelFeatures<F extends Enum<F> & KernelFeature> {
  private final String object;
  private final Set<F> present;
  private final Set<F> absent;

  private KernelFeatures(String object, Set<F> present, Set<F> absent) {
    this.object = object;
    this.present = Collections.unmodifiableSet(present);
    this.absent = Collections.unmodifiableSet(absent);
  }

  /**
   * Asks for each feature.
   *
   * @param object what is asked, for messages: {@code /dev/iommu}
   */
  public static <F extends Enum<F> & KernelFeature> KernelFeatures<F> ask(
      String object, Class<F> features, Predicate<F> question) {
    EnumSet<F> present = EnumSet.noneOf(features);
    for (F feature : features.getEnumConstants()) {
      if (question.test(feature)) {
        present.add(feature);
      }
    }
    return new KernelFeatures<>(object, present, EnumSet.complementOf(present));
  }

  public boolean has(F feature) {
    return present.contains(feature);
  }

  public Set<F> present() {
    return present;
  }

  public Set<F> absent() {
    return absent;
  }

  /**
   * Refuses to go on without it.
   *
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL}) that says which kernel has it
   */
  public void require(F feature) {
    if (!has(feature)) {
      throw VfioException.failed(Reason.NOT_IN_KERNEL, feature.kernelName())
          .on("of " + object)
          .fact("the kernel does not have it")
          .build();
    }
  }

  /** What is there, and what each of the others needs. */
  @Override
  public String toString() {
    return object
        + " has "
        + present
        + (absent.isEmpty()
            ? ""
            : "; not "
                + absent.stream()
                    .map(
                        feature ->
                            feature + feature.needs().map(needs -> " (" + needs + ")").orElse(""))
                    .collect(Collectors.joining(", ")));
  }
}
