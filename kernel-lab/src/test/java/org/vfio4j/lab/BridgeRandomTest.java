// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.fail;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.group.IommuType;
import org.vfio4j.lab.fidelity.ContainerCalls;
import org.vfio4j.lab.fidelity.Difference;
import org.vfio4j.lab.fidelity.Differential;
import org.vfio4j.lab.fidelity.Domain;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/**
 * Random sequences of container calls, the same on a native container with one pair of devices and
 * on the bridge with another: every result, errno and byte is the same.
 *
 * <p>Runs in the guest, in a topology of its own. System properties: {@code vfio4j.bridge.calls}
 * and {@code vfio4j.bridge.seed}.
 */
@Tag("bridge-random")
@Tag("random")
class BridgeRandomTest {
  private static final int SEQUENCE = 500;
  private static final long CALLS = Long.getLong("vfio4j.bridge.calls", 20_000);
  private static final long SEED = Long.getLong("vfio4j.bridge.seed", System.nanoTime());
  private static final String[] NATIVE = {"0000:00:03.0", "0000:00:04.0"};
  private static final String[] BRIDGED = {"0000:00:05.0", "0000:00:06.0"};

  @ParameterizedTest
  @EnumSource(IommuType.class)
  void answersAsANativeContainer(IommuType type) {
    Kernel host = Kernel.host();
    Map<String, String> names =
        Map.of(
            node(host, NATIVE[0]),
            node(host, BRIDGED[0]),
            node(host, NATIVE[1]),
            node(host, BRIDGED[1]),
            NATIVE[0],
            BRIDGED[0],
            NATIVE[1],
            BRIDGED[1]);
    Domain domain =
        ContainerCalls.domain(
            "bridge",
            type.number(),
            node(host, NATIVE[0]),
            NATIVE[0],
            node(host, NATIVE[1]),
            NATIVE[1]);
    Differential differential =
        new Differential(
            domain,
            host,
            () -> RenamedKernel.kernel(CompatBridge.over(host, AssignmentPolicy.STAGE_1), names));
    long sequences = (CALLS / IommuType.values().length + SEQUENCE - 1) / SEQUENCE;
    long begun = System.nanoTime();
    for (long seed = SEED; seed < SEED + sequences; seed++) {
      Optional<Difference> difference = differential.run(seed, SEQUENCE);
      if (difference.isPresent()) {
        fail(
            "%s%nagain: ./check --only bridge --calls %d --seed %d",
            difference.get(), 2 * SEQUENCE, seed);
      }
    }
    System.out.printf(
        "bridge %s: %d calls from %d seeds from %d on, no difference, %d s%n%s",
        type,
        sequences * SEQUENCE,
        sequences,
        SEED,
        (System.nanoTime() - begun) / 1_000_000_000,
        differential.tally());
  }

  private static String node(Kernel host, String device) {
    int group = SysfsDevice.pci(host, PciAddress.of(device)).iommuGroup().orElseThrow();
    return "/dev/vfio/" + group;
  }
}
