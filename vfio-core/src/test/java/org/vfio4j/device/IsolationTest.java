// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.device.Isolation.Kind;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.linux.SysfsDevice;

class IsolationTest {
  private static final String DEVICE = "/sys/devices/pci0000:00/0000:00:05.0";

  private final Kernel kernel = mock(Kernel.class);

  @BeforeEach
  void emptySysfs() {
    when(kernel.roots()).thenReturn(Roots.DEFAULT);
    when(kernel.list(anyString())).thenReturn(Result.failed(Errno.ENOENT));
    when(kernel.readLink(anyString())).thenReturn(Result.failed(Errno.ENOENT));
    when(kernel.readFile(anyString())).thenReturn(Result.failed(Errno.ENOENT));
    when(kernel.list(DEVICE)).thenReturn(Result.of(List.of("driver")));
  }

  private void link(String path, String target) {
    when(kernel.readLink(path)).thenReturn(Result.of(target));
  }

  private void file(String path, String content) {
    when(kernel.readFile(path))
        .thenReturn(Result.of((content + "\n").getBytes(StandardCharsets.UTF_8)));
  }

  private void group(String... members) {
    link(DEVICE + "/iommu_group", "../../kernel/iommu_groups/5");
    when(kernel.list(DEVICE + "/iommu_group/devices")).thenReturn(Result.of(List.of(members)));
  }

  private void member(String name, String pciClass, String driver) {
    String path = DEVICE + "/iommu_group/devices/" + name;
    file(path + "/class", pciClass);
    if (driver != null) {
      link(path + "/driver", "../../../bus/pci/drivers/" + driver);
    }
  }

  private Isolation isolation() {
    return Isolation.of(SysfsDevice.at(kernel, DEVICE));
  }

  @Test
  void aGroupThatCannotBeReadIsNotTakenForIsolation() {
    link(DEVICE + "/iommu_group", "../../kernel/iommu_groups/5");
    VfioException e = catchThrowableOfType(VfioException.class, this::isolation);
    assertThat(e.fact()).contains("does not list the device");
    group("0000:00:06.0");
    assertThat(catchThrowableOfType(VfioException.class, this::isolation)).isNotNull();
  }

  @Test
  void alone() {
    group("0000:00:05.0");
    member("0000:00:05.0", "0x00ff00", "vfio-pci");

    assertThat(isolation().kind()).isEqualTo(Kind.SINGLETON);
    assertThat(isolation().blockers()).isEmpty();
    assertThat(isolation().others()).isEmpty();
    assertThat(isolation()).hasToString("0000:00:05.0 is isolated by itself");
  }

  @Test
  void behindABridge() {
    group("0000:00:05.0", "0000:00:04.0");
    member("0000:00:05.0", "0x00ff00", "vfio-pci");
    member("0000:00:04.0", "0x060400", "pcieport");

    assertThat(isolation().kind()).isEqualTo(Kind.SINGLETON);
    assertThat(isolation().blockers()).isEmpty();
    assertThat(isolation())
        .hasToString(
            "0000:00:05.0 is isolated by itself, behind 0000:00:04.0 (bridge, driver pcieport)");
  }

  @Test
  void shared() {
    group("0000:00:04.0", "0000:00:05.0", "0000:00:05.1", "0000:00:05.2", "0000:00:05.3");
    member("0000:00:04.0", "0x060400", null);
    member("0000:00:05.0", "0x00ff00", "mlx5_vfio_pci");
    member("0000:00:05.1", "0x00ff00", "pci-stub");
    member("0000:00:05.2", "0x010601", "ahci");
    member("0000:00:05.3", "0x060100", "lpc_ich");

    assertThat(isolation().kind()).isEqualTo(Kind.SHARED);
    assertThat(isolation().members()).hasSize(5);
    assertThat(isolation().blockers())
        .extracting(Isolation.Member::name)
        .containsExactly("0000:00:05.2", "0000:00:05.3");
    assertThat(isolation())
        .hasToString(
            "0000:00:05.0 cannot be isolated from 0000:00:04.0 (bridge, no driver),"
                + " 0000:00:05.1 (driver pci-stub), 0000:00:05.2 (driver ahci, blocks),"
                + " 0000:00:05.3 (driver lpc_ich, blocks)");
  }

  @Test
  void itsOwnDriverMayBlockToo() {
    group("0000:00:05.0");
    member("0000:00:05.0", "0x010802", "nvme");

    assertThat(isolation().blockers()).hasSize(1);
  }

  @Test
  void mediated() {
    // What VFIO makes for a mediated device has the same name as its no-IOMMU mode.
    group("0000:00:05.0");
    file(DEVICE + "/iommu_group/name", "vfio-noiommu");
    link(DEVICE + "/subsystem", "../../../bus/mdev");
    link(DEVICE + "/driver", "../../../bus/mdev/drivers/vfio_mtty");

    assertThat(isolation().kind()).isEqualTo(Kind.MEDIATED);
    assertThat(isolation().blockers()).isEmpty();
    assertThat(isolation().toString()).contains("mediated");
  }

  @Test
  void noIommu() {
    assertThat(isolation().kind()).isEqualTo(Kind.NONE);
    assertThat(isolation().toString()).contains("no IOMMU");

    group("0000:00:05.0");
    file(DEVICE + "/iommu_group/name", "vfio-noiommu");
    assertThat(isolation().kind()).isEqualTo(Kind.NONE);
  }
}
