// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.PciAddress;

class VfioCdevTest {
  private final StubCdev stub = new StubCdev();

  private VfioCdev find() {
    return VfioCdev.find(stub.kernel, PciAddress.of(StubCdev.EDU));
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  @Test
  void findsTheNodeOfADevice() {
    VfioCdev cdev = find();
    assertThat(cdev.node()).isEqualTo(StubCdev.NODE);
    assertThat(cdev.device().name()).isEqualTo(StubCdev.EDU);
    assertThat(cdev).hasToString(StubCdev.NODE + " (" + StubCdev.EDU + ")");
  }

  @Test
  void findsTheDeviceOfANode() {
    String folder = "devices/pci0000:00/" + StubCdev.EDU;
    stub.folders.put("/sys/" + folder, List.of("vendor"));
    stub.links.put("/sys/class/vfio-dev/vfio0", "../../" + folder + "/vfio-dev/vfio0");
    VfioCdev cdev = VfioCdev.at(stub.kernel, StubCdev.NODE);
    assertThat(cdev.device().path()).isEqualTo("/sys/" + folder);
    assertThat(cdev.device().name()).isEqualTo(StubCdev.EDU);
    assertThat(cdev.node()).isEqualTo(StubCdev.NODE);
    assertThat(failure(() -> VfioCdev.at(stub.kernel, "/dev/vfio/devices/vfio1")).reason())
        .isEqualTo(Reason.NO_SUCH_DEVICE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "/dev/vfio/5", "..", "/dev/vfio/devices/..", "vfio1x", "vfio"})
  void aPathThatIsNoNode(String path) {
    VfioException e = failure(() -> VfioCdev.at(stub.kernel, path));
    assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(e.object()).contains("'" + path + "'");
    assertThat(e.hint()).contains("/dev/vfio/devices");
  }

  @Test
  void noDriver() {
    stub.folders.remove(StubCdev.FOLDER + "/vfio-dev");
    stub.links.remove(StubCdev.FOLDER + "/driver");
    VfioException e = failure(this::find);
    assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER);
    assertThat(e.fact()).isEqualTo(StubCdev.EDU + " is bound to no driver");
    assertThat(e.hint()).contains("vfio-pci");
  }

  @Test
  void anotherDriver() {
    stub.folders.remove(StubCdev.FOLDER + "/vfio-dev");
    stub.device("nvme");
    VfioException e = failure(this::find);
    assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER);
    assertThat(e.fact()).isEqualTo(StubCdev.EDU + " is bound to nvme");
    assertThat(e.hint()).contains(StubCdev.EDU).contains("vfio-pci");
  }

  @Test
  void aDriverOfVfioInAKernelWithoutTheFolder() {
    stub.folders.remove(StubCdev.FOLDER + "/vfio-dev");
    VfioException e = failure(this::find);
    assertThat(e.reason()).isEqualTo(Reason.NOT_IN_KERNEL);
    assertThat(e.fact()).contains("bound to vfio-pci").contains("no vfio-dev folder");
    assertThat(e.hint()).contains("CONFIG_VFIO_DEVICE_CDEV");
  }

  @Test
  void aFolderWithoutANumberIsNoNode() {
    stub.files.clear();
    VfioException e = failure(this::find);
    assertThat(e.reason()).isEqualTo(Reason.NOT_IN_KERNEL);
    assertThat(e.fact()).endsWith("vfio-dev/vfio0 has no 'dev' attribute");
    assertThat(e.hint()).contains("CONFIG_VFIO_DEVICE_CDEV").contains("group API");
  }

  @Test
  void aDeviceWithoutAnIommu() {
    String folder = StubCdev.FOLDER + "/vfio-dev";
    stub.folders.put(folder, List.of("noiommu-vfio3"));
    stub.files.put(folder + "/noiommu-vfio3/dev", "511:3\n");
    VfioCdev cdev = find();
    assertThat(cdev.node()).isEqualTo("/dev/vfio/devices/noiommu-vfio3");
    assertThat(cdev.isNoIommu()).isTrue();
    stub.openErrors.put(cdev.node(), Errno.EPERM);
    VfioException e = failure(cdev::open);
    assertThat(e.reason()).isEqualTo(Reason.NO_PERMISSION);
    assertThat(e.hint()).contains("CAP_SYS_RAWIO");
  }

  @Test
  void strangeNamesAreNoNodes() {
    String folder = StubCdev.FOLDER + "/vfio-dev";
    stub.folders.put(folder, List.of("..", "power", "vfio0\n  hint: x", "vfio0/../../sda"));
    assertThat(failure(this::find).reason()).isEqualTo(Reason.NOT_IN_KERNEL);
    stub.folders.put(folder, List.of("power", "vfio0"));
    assertThat(find().node()).isEqualTo(StubCdev.NODE);
  }

  @ParameterizedTest
  @CsvSource({
    "ENOENT,NOT_IN_KERNEL",
    "EACCES,NO_PERMISSION",
    "ENODEV,NO_SUCH_DEVICE",
    "EMFILE,LIMIT"
  })
  void opening(Errno errno, Reason reason) {
    VfioCdev cdev = find();
    stub.openErrors.put(StubCdev.NODE, errno);
    VfioException e = failure(cdev::open);
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    assertThat(e.object()).isEqualTo("of " + StubCdev.NODE);
    assertThat(e.hint()).isNotEmpty();
  }
}
