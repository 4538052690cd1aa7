// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Isolation;
import org.vfio4j.linux.PciDriver;

/** What a user is told who was given no access to the nodes. */
class UnprivilegedTest {
  @Test
  @Tag("lab")
  @Tag("lab-group")
  @RealKernelOnly("it runs in a process of its own")
  void isToldTheNodeAndTheRule() {
    List<String> output =
        ChildJvm.limited(
            List.of(
                "setpriv",
                "--reuid=nobody",
                "--regid=nogroup",
                "--clear-groups",
                // It reads the class path wherever that is; a node it would have to write.
                "--inh-caps=+dac_read_search",
                "--ambient-caps=+dac_read_search"),
            AsNobody.class);
    assertThat(output)
        .containsExactlyElementsOf(Lab.modes().stream().map(mode -> mode + " ok").toList());
  }

  /** The process of the user. */
  static final class AsNobody {
    private AsNobody() {}

    public static void main(String[] args) {
      for (VfioMode mode : Lab.modes()) {
        VfioException denied =
            Refusal.of(Reason.NO_PERMISSION, Errno.EACCES, () -> Lab.openEdu(mode));
        String node = Lab.needsIommufd(mode) ? "/dev/iommu" : "/dev/vfio/";
        assertThat(denied.object()).contains(mode.isBridged() ? "/dev/vfio/vfio" : node);
        assertThat(denied.fact()).contains("may not read and write " + node);
        assertThat(denied.hint()).contains("udev rule: SUBSYSTEM==\"vfio\"");
        System.out.println(mode + " ok");
      }
      // What everybody may read is read, and what only root may write is said to be so.
      assertThat(Isolation.of(Lab.sysfs(Lab.EDU)).kind()).isEqualTo(Isolation.Kind.SINGLETON);
      Refusal.of(
          Reason.NO_PERMISSION, () -> PciDriver.bind(Lab.KERNEL, Lab.TESTDEV, PciDriver.VFIO_PCI));
    }
  }
}
