// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.Isolation.Kind;
import org.vfio4j.device.Isolation.Member;
import org.vfio4j.linux.PciAddress;

/** How the lab's devices can be kept apart, and what shows it. */
@Tag("lab")
@Tag("lab-group")
class IsolationTest {
  @Test
  void aloneInItsGroup() {
    for (PciAddress address : new PciAddress[] {Lab.EDU, Lab.NVME, Lab.TESTDEV}) {
      Isolation isolation = Isolation.of(Lab.sysfs(address));
      assertThat(isolation.kind()).isEqualTo(Kind.SINGLETON);
      assertThat(isolation.others()).isEmpty();
      assertThat(isolation.blockers()).isEmpty();
      assertThat(isolation).hasToString(address + " is isolated by itself");
    }
  }

  @Test
  void sharedBehindABridge() {
    Isolation isolation = Isolation.of(Lab.sysfs(Lab.SHARED_1));
    assertThat(isolation.kind()).isEqualTo(Kind.SHARED);
    assertThat(isolation.members())
        .containsExactly(
            new Member("0000:00:08.0", Optional.empty(), true, false),
            new Member("0000:01:01.0", Optional.of("vfio-pci"), false, false),
            new Member("0000:01:02.0", Optional.of("vfio-pci"), false, false));
    assertThat(isolation.blockers()).isEmpty();
    assertThat(isolation.toString())
        .startsWith("0000:01:01.0 cannot be isolated from")
        .contains("0000:00:08.0 (bridge, no driver)")
        .contains("0000:01:02.0 (driver vfio-pci)");
    assertThat(Isolation.of(Lab.sysfs(Lab.SHARED_2)).kind()).isEqualTo(Kind.SHARED);
  }

  @Test
  void sharedWithWhatTheHostUses() {
    Isolation isolation = Isolation.of(Lab.sysfs(Lab.SATA));
    assertThat(isolation.kind()).isEqualTo(Kind.SHARED);
    assertThat(isolation.members()).hasSize(3);
    assertThat(isolation.blockers()).extracting(Member::name).contains("0000:00:1f.2");
    assertThat(isolation.others())
        .extracting(Member::name)
        .containsExactly("0000:00:1f.0", "0000:00:1f.3");
  }

  @Test
  void onTheHostsDriver() {
    Isolation isolation = Isolation.of(Lab.sysfs(Lab.SRIOV_NVME));
    assertThat(isolation.kind()).isEqualTo(Kind.SINGLETON);
    assertThat(isolation.blockers())
        .containsExactly(new Member("0000:02:00.0", Optional.of("nvme"), false, true));
  }
}
