// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.HashMap;
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
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * Random sequences of container calls, the same on a native container with one pair of devices and
 * on the bridge with another: every result, errno and byte is the same. And whatever the calls are,
 * the kernel below the bridge sees no group.
 *
 * <p>Runs in the guest, in a topology of its own, and shorter on the fake. System properties:
 * {@code vfio4j.bridge.calls} and {@code vfio4j.bridge.seed}.
 */
@Tag("random")
class BridgeRandomTest {
  private static final int SEQUENCE = 500;
  private static final long CALLS = Long.getLong("vfio4j.bridge.calls", 20_000);
  private static final long SEED = Long.getLong("vfio4j.bridge.seed", System.nanoTime());
  private static final String[] NATIVE = {"0000:00:03.0", "0000:00:04.0"};
  private static final String[] BRIDGED = {"0000:00:05.0", "0000:00:06.0"};

  private GroupCalls below;

  @ParameterizedTest
  @EnumSource(IommuType.class)
  @Tag("bridge-random")
  void answersAsANativeContainer(IommuType type) {
    compare(type, Kernel.host());
  }

  @ParameterizedTest
  @EnumSource(IommuType.class)
  void onTheFakeToo(IommuType type) {
    compare(type, FakeKernel.of(KernelVersion.LINUX_6_12, BridgeRandomTest::twoPairs));
  }

  /** {@code topologies/bridge.topology}. */
  private static void twoPairs(Machine machine) {
    for (int i = 0; i < NATIVE.length; i++) {
      machine.device(NATIVE[i], new EduModel()).inGroup(1 + i).boundTo("vfio-pci");
      machine.device(BRIDGED[i], new EduModel()).inGroup(3 + i).boundTo("vfio-pci");
    }
  }

  private void compare(IommuType type, Kernel kernel) {
    Map<String, String> names = new HashMap<>();
    for (int i = 0; i < NATIVE.length; i++) {
      names.put(NATIVE[i], BRIDGED[i]);
      names.put(node(kernel, NATIVE[i]), node(kernel, BRIDGED[i]));
    }
    Domain domain =
        ContainerCalls.domain(
            "bridge",
            type.number(),
            node(kernel, NATIVE[0]),
            NATIVE[0],
            node(kernel, NATIVE[1]),
            NATIVE[1]);
    Differential differential = new Differential(domain, kernel, () -> bridge(kernel, names));
    long sequences = (CALLS / IommuType.values().length + SEQUENCE - 1) / SEQUENCE;
    long begun = System.nanoTime();
    for (long seed = SEED; seed < SEED + sequences; seed++) {
      Optional<Difference> difference = differential.run(seed, SEQUENCE);
      if (difference.isPresent()) {
        fail(
            "%s%nagain: ./check --only bridge --calls %d --seed %d",
            difference.get(), 2 * SEQUENCE, seed);
      }
      assertThat(below.seen()).as("below the bridge, with seed %d", seed).isEmpty();
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

  private Kernel bridge(Kernel kernel, Map<String, String> names) {
    below = new GroupCalls(kernel);
    return new RenamedKernel(CompatBridge.over(below, AssignmentPolicy.STAGE_1), names);
  }

  private static String node(Kernel kernel, String device) {
    int group = SysfsDevice.pci(kernel, PciAddress.of(device)).iommuGroup().orElseThrow();
    return "/dev/vfio/" + group;
  }
}
