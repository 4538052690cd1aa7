// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.ArgumentMatchers.eq;
import static org.mockito.Mockito.when;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.SpaprIommu.Version;
import org.vfio4j.group.uapi.VfioEehPeErr;
import org.vfio4j.group.uapi.VfioEehPeOp;
import org.vfio4j.group.uapi.VfioIommuSpaprTceCreate;
import org.vfio4j.group.uapi.VfioIommuSpaprTceDdwInfo;
import org.vfio4j.group.uapi.VfioIommuSpaprTceInfo;
import org.vfio4j.memory.NativeBlock;

/** What is sent, and what is made of the answers: no machine here has such an IOMMU. */
class SpaprIommuTest {
  private static final int GET_INFO = 0x3b70;
  private static final int CHECK_EXTENSION = 0x3b65;

  private final StubVfio vfio = new StubVfio().member("0000:00:05.0", "vfio-pci");
  private final List<String> sent = new ArrayList<>();
  private int answer;
  private boolean eeh = true;
  private VfioContainer opened;

  @BeforeEach
  void spapr() {
    when(vfio.kernel.ioctl(eq(StubVfio.CONTAINER), anyInt(), any(NativeBlock.class)))
        .thenAnswer(call -> spapr(call.getArgument(1), call.<NativeBlock>getArgument(2)));
    when(vfio.kernel.ioctl(eq(StubVfio.CONTAINER), anyInt(), anyLong()))
        .thenAnswer(call -> spapr(call.getArgument(1), call.<Long>getArgument(2)));
  }

  private int spapr(int request, long argument) {
    if (request == CHECK_EXTENSION) {
      return argument == 5 && !eeh ? 0 : 1;
    }
    sent.add("%x %d".formatted(request, argument));
    return request == 0x3b64 ? 0 : answer;
  }

  private int spapr(int request, NativeBlock argument) {
    StringBuilder words = new StringBuilder("%x".formatted(request));
    for (int at = 0; at < argument.capacity(); at += Integer.BYTES) {
      words.append(' ').append(Integer.toHexString(argument.getInt(at)));
    }
    sent.add(words.toString());
    if (argument instanceof VfioIommuSpaprTceInfo info) {
      info.flags(1).dma32WindowStart(0).dma32WindowSize(0x8000_0000);
      info.putLong(VfioIommuSpaprTceInfo.DDW + VfioIommuSpaprTceDdwInfo.PGSIZES, 0x11000);
      info.putInt(
          VfioIommuSpaprTceInfo.DDW + VfioIommuSpaprTceDdwInfo.MAX_DYNAMIC_WINDOWS_SUPPORTED, 2);
      info.putInt(VfioIommuSpaprTceInfo.DDW + VfioIommuSpaprTceDdwInfo.LEVELS, 5);
    } else if (argument instanceof VfioIommuSpaprTceCreate create) {
      create.startAddr(1L << 59);
    }
    return answer;
  }

  @AfterEach
  void close() {
    if (opened != null) {
      opened.close();
    }
  }

  private SpaprIommu iommu(Version version) {
    opened = VfioContainer.open(vfio.kernel);
    SpaprIommu iommu = opened.setSpaprIommu(version);
    sent.clear();
    return iommu;
  }

  @Test
  void informationOfBothVersions() {
    SpaprInfo info = iommu(Version.V2).info();
    assertThat(info.windowSize()).isEqualTo(0x8000_0000L);
    assertThat(info.dynamicWindows()).contains(new SpaprInfo.DynamicWindows(0x11000, 2, 5));
    assertThat(sent).containsExactly("%x 20 0 0 0 0 0 0 0".formatted(GET_INFO));
    assertThat(SpaprInfo.of(new VfioIommuSpaprTceInfo()).dynamicWindows()).isEmpty();
  }

  @Test
  void version1() {
    SpaprIommu iommu = iommu(Version.V1);
    iommu.enable();
    iommu.map(0x10000, 0x1000, 0x2000, DmaAccess.READ_WRITE);
    iommu.unmap(0x2000, 0x1000);
    iommu.disable();
    assertThat(sent)
        .containsExactly(
            "3b73 0", "3b71 20 3 10000 0 2000 0 1000 0", "3b72 18 0 2000 0 1000 0", "3b74 0");
  }

  @Test
  void version2() {
    SpaprIommu iommu = iommu(Version.V2);
    iommu.registerMemory(0x10000, 0x2000);
    assertThat(iommu.createWindow(16, 0x10_0000, 1)).isEqualTo(1L << 59);
    iommu.removeWindow(1L << 59);
    iommu.unregisterMemory(0x10000, 0x2000);
    assertThat(sent)
        .containsExactly(
            "3b75 18 0 10000 0 2000 0",
            "3b77 28 0 10 0 100000 0 1 0 0 0",
            "3b78 10 0 0 8000000",
            "3b76 18 0 10000 0 2000 0");
  }

  @Test
  void errorHandling() {
    EehPe pe = iommu(Version.V2).eeh();
    pe.enable();
    pe.unfreezeIo();
    pe.unfreezeDma();
    pe.reset(EehPe.Reset.HOT);
    pe.reset(EehPe.Reset.FUNDAMENTAL);
    pe.reset(EehPe.Reset.DEACTIVATE);
    pe.configure();
    pe.disable();
    assertThat(sent)
        .extracting(words -> words.split(" ")[3])
        .containsExactly("1", "2", "3", "6", "7", "5", "8", "0");
    sent.clear();
    pe.injectError(1, 2, 3, 4);
    assertThat(sent).containsExactly("3b79 28 0 9 0 1 2 3 0 4 0");
    assertThat(VfioEehPeOp.ERR + VfioEehPeErr.TYPE).isEqualTo(16);
  }

  @Test
  void statesOfAGroup() {
    EehPe pe = iommu(Version.V1).eeh();
    for (EehPe.State state : EehPe.State.values()) {
      answer = List.of(0, 1, 2, 4, 5).get(List.of(EehPe.State.values()).indexOf(state));
      assertThat(pe.state()).isEqualTo(state);
    }
    answer = 3;
    assertThat(failure(pe::state).fact()).contains("no known state");
  }

  @ParameterizedTest
  @CsvSource({
    "ENOTTY, NOT_SUPPORTED",
    "ENXIO, NOT_SUPPORTED",
    "EPERM, NO_PERMISSION",
    "ENODEV, NO_SUCH_DEVICE",
    "EBUSY, IN_USE",
    "ENOMEM, LIMIT",
    "EINVAL, INVALID_ARGUMENT",
    "EIO, DEVICE_FAULT",
    "EDOM, OTHER"
  })
  void refusals(Errno errno, Reason reason) {
    SpaprIommu iommu = iommu(Version.V2);
    answer = errno.result();
    VfioException refusal = failure(iommu::info);
    assertThat(refusal.reason()).isEqualTo(reason);
    assertThat(refusal.errno()).contains(errno);
    assertThat(failure(iommu::enable).reason()).isEqualTo(reason);
  }

  @Test
  void noErrorHandling() {
    eeh = false;
    SpaprIommu iommu = iommu(Version.V2);
    assertThat(failure(iommu::eeh).reason()).isEqualTo(Reason.NOT_SUPPORTED);
  }

  @ParameterizedTest
  @CsvSource({
    "ENODEV, NOT_IN_KERNEL",
    "EINVAL, WRONG_STATE",
    "EPERM, NO_PERMISSION",
    "EBUSY, IN_USE",
    "ENOMEM, LIMIT",
    "EIO, OTHER"
  })
  void whatAContainerRefuses(Errno errno, Reason reason) {
    try (VfioContainer container = VfioContainer.open(vfio.kernel)) {
      answer = errno.result();
      VfioException refusal = failure(() -> container.setSpaprIommu(Version.V1));
      assertThat(refusal.reason()).isEqualTo(reason);
      if (reason == Reason.NOT_IN_KERNEL) {
        assertThat(refusal.hint()).contains("Linux 3.10 or later with CONFIG_VFIO_IOMMU_SPAPR_TCE");
      }
    }
  }

  @Test
  void aClosedContainer() {
    SpaprIommu iommu = iommu(Version.V1);
    opened.close();
    assertThat(failure(iommu::info).reason()).isEqualTo(Reason.CLOSED);
    assertThat(failure(iommu::enable).reason()).isEqualTo(Reason.CLOSED);
    assertThat(vfio.calls).contains("close container");
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }
}
