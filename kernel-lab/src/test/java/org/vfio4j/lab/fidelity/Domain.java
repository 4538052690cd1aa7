// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import java.util.stream.Stream;

/**
 * What a sequence is made of.
 *
 * @param name as on the command line
 * @param opening calls that most sequences begin with, so that they get somewhere
 * @param kinds what they go on with
 * @param base where most IOVAs are
 */
public record Domain(
    String name, List<CallKind.Generator> opening, List<CallKind> kinds, long base) {
  public Domain(String name, List<CallKind.Generator> opening, List<CallKind> kinds) {
    this(name, opening, kinds, Iovas.BASE);
  }

  /** With these kinds beside its own. */
  public Domain with(List<CallKind> more) {
    return new Domain(name, opening, Stream.concat(kinds.stream(), more.stream()).toList(), base);
  }

  /** With IOVAs mostly from there on. */
  public Domain from(long iova) {
    return new Domain(name, opening, kinds, iova);
  }

  @Override
  public String toString() {
    return name;
  }
}
