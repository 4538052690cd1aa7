// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_START;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.DmaLogging;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.IrqInfo;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.Migration;
import org.vfio4j.device.MigrationState;
import org.vfio4j.device.PreCopyInfo;
import org.vfio4j.device.ResumingStream;
import org.vfio4j.device.SavingStream;
import org.vfio4j.device.VfToken;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingControl;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingRange;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingReport;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciHotReset;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.DeviceBus;
import org.vfio4j.testkit.device.DeviceModel;
import org.vfio4j.testkit.device.DmaLogger;
import org.vfio4j.testkit.device.InertModel;
import org.vfio4j.testkit.device.Migratable;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.WriteLog;
import org.vfio4j.testkit.machine.KernelVersion;

/** What no device of the lab can show: the rest is in its scenarios. */
class DeviceFeaturesTest {
  private static final PciAddress HERE = PciAddress.of("0000:00:03.0");
  private static final VfToken TOKEN = VfToken.of("bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3");
  private static final PciAddress THERE = PciAddress.of("0000:00:04.0");

  // Behind one bridge.
  private static final PciAddress FIRST = PciAddress.of("0000:01:01.0");
  private static final PciAddress SECOND = PciAddress.of("0000:01:02.0");

  /** A register that can be saved, with neither P2P nor pre-copy; it fails when 0xdead is in it. */
  private static class Register implements DeviceModel, Migratable {
    private final PciFunction function =
        PciFunction.of(0x1234, 1).bar(0, 4096, PciFunction.Space.MEMORY).resettable();
    private int value;

    @Override
    public PciFunction function() {
      return function;
    }

    @Override
    public void connect(DeviceBus bus) {}

    @Override
    public long read(int bar, long offset, int width) {
      return value;
    }

    @Override
    public void write(int bar, long offset, int width, long written) {
      value = (int) written;
    }

    @Override
    public void reset() {
      value = 0;
    }

    @Override
    public boolean hasP2p() {
      return false;
    }

    @Override
    public boolean hasPreCopy() {
      return false;
    }

    @Override
    public boolean hasFailed() {
      return value == 0xdead;
    }

    @Override
    public long stopCopyLength() {
      return Integer.BYTES;
    }

    @Override
    public byte[] preCopy() {
      return new byte[0];
    }

    @Override
    public byte[] stopCopy() {
      return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
    }

    @Override
    public Receiver receive() {
      ByteBuffer state = ByteBuffer.allocate(Integer.BYTES);
      return new Receiver() {
        @Override
        public long capacity() {
          return Integer.BYTES;
        }

        @Override
        public int write(byte[] data) {
          state.put(data);
          return 0;
        }

        @Override
        public int load() {
          if (state.hasRemaining()) {
            return Errno.EIO.result();
          }
          value = state.getInt(0);
          return 0;
        }
      };
    }
  }

  private static Kernel twoRegisters(KernelVersion version) {
    return FakeKernel.of(
        version,
        machine -> {
          machine.device(HERE.toString(), new Register()).inGroup(1).boundTo("vfio-pci");
          machine.device(THERE.toString(), new Register()).inGroup(2).boundTo("vfio-pci");
        });
  }

  private static VfioException refused(Reason reason, ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).isNotNull();
    assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
    return refusal;
  }

  @Test
  void aModelOfOnesOwnMigrates() throws IOException {
    Kernel kernel = twoRegisters(KernelVersion.LINUX_6_12);
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE);
        AssignedDevice there = AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, THERE)) {
      here.device().region(VfioPci.BAR0).putIntLe(0, 4711);
      Migration source = here.device().migration();
      Migration target = there.device().migration();
      assertThat(source.flags()).isEqualTo(EnumSet.of(Migration.Flag.STOP_COPY));
      ByteArrayOutputStream state = new ByteArrayOutputStream();
      try (SavingStream saved = source.stopCopy();
          ResumingStream resumed = target.resume()) {
        saved.transferTo(Channels.newChannel(state));
        VfioException early =
            refused(Reason.DEVICE_FAULT, () -> target.setState(MigrationState.RUNNING));
        assertThat(early.errno()).contains(Errno.EIO);
        assertThat(target.state()).isEqualTo(MigrationState.RESUMING);
        resumed.write(ByteBuffer.wrap(state.toByteArray()));
      }
      target.setState(MigrationState.RUNNING);
      assertThat(there.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(4711);
    }
  }

  /** The kernel leaves them out on the way, and refuses to go there. */
  @Test
  void statesThatTheDeviceLacks() {
    Kernel kernel = twoRegisters(KernelVersion.LINUX_6_12);
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE)) {
      Migration migration = here.device().migration();
      for (MigrationState state :
          List.of(
              MigrationState.RUNNING_P2P, MigrationState.PRE_COPY, MigrationState.PRE_COPY_P2P)) {
        refused(Reason.INVALID_ARGUMENT, () -> migration.setState(state));
      }
      VfioException noPreCopy = refused(Reason.NOT_SUPPORTED, migration::preCopy);
      assertThat(noPreCopy.fact()).contains("STOP_COPY");
      migration.setState(MigrationState.STOP);
      assertThat(migration.state()).isEqualTo(MigrationState.STOP);
      migration.stopCopy().close();
      migration.setState(MigrationState.RUNNING);
      assertThat(migration.state()).isEqualTo(MigrationState.RUNNING);
    }
  }

  @Test
  void onlyAResetLeadsOutOfError() {
    Kernel kernel = twoRegisters(KernelVersion.LINUX_6_12);
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE)) {
      Migration migration = here.device().migration();
      here.device().region(VfioPci.BAR0).putIntLe(0, 0xdead);
      assertThat(migration.state()).isEqualTo(MigrationState.ERROR);
      for (MigrationState state : MigrationState.values()) {
        if (state != MigrationState.ERROR) {
          VfioException refusal = refused(Reason.INVALID_ARGUMENT, () -> migration.setState(state));
          assertThat(refusal.hint()).contains("reset()");
        }
      }
      here.device().reset();
      assertThat(migration.state()).isEqualTo(MigrationState.RUNNING);
    }
  }

  /** Kernels have what their release had. */
  @Test
  void olderKernels() {
    Kernel older = twoRegisters(KernelVersion.LINUX_5_15);
    try (AssignedDevice here = AssignedDevice.open(older, VfioMode.VFIO_TYPE1V2_IOMMU, HERE)) {
      assertThat(here.device().features().all()).isEmpty();
      refused(Reason.NOT_SUPPORTED, here.device()::migration);
      refused(Reason.NOT_SUPPORTED, here.device().lowPower()::enter);
    }
    Kernel old = twoRegisters(KernelVersion.LINUX_6_1);
    try (AssignedDevice here = AssignedDevice.open(old, VfioMode.VFIO_TYPE1V2_IOMMU, HERE)) {
      assertThat(here.device().features().all())
          .contains(DeviceFeature.MIG_DEVICE_STATE, DeviceFeature.LOW_POWER_EXIT)
          .doesNotContain(DeviceFeature.MIG_DATA_SIZE);
      VfioException refusal =
          refused(Reason.NOT_SUPPORTED, here.device().migration()::stopCopyLength);
      assertThat(refusal.hint()).contains("Linux 6.2");
    }
  }

  @Test
  void aHostWithPowerManagement() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine
                    .runtimePowerManagement()
                    .device(HERE.toString(), new Register())
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE);
        EventFd wakeup = EventFd.create(kernel, "wake-up");
        MappedRegion mapped = here.device().region(VfioPci.BAR0).map()) {
      mapped.putIntLe(0, 1);
      here.device().lowPower().enter(wakeup);
      refused(Reason.DEVICE_FAULT, () -> mapped.getIntLe(0));
      assertThat(wakeup.take()).isZero();
      // A call wakes it, which ends the matter and is told.
      assertThat(here.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(1);
      assertThat(wakeup.take()).isEqualTo(1);
      assertThat(mapped.getIntLe(0)).isEqualTo(1);
      // Without a wake-up it sleeps again.
      here.device().lowPower().enter();
      assertThat(here.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(1);
      refused(Reason.DEVICE_FAULT, () -> mapped.getIntLe(0));
      here.device().lowPower().exit();
      assertThat(mapped.getIntLe(0)).isEqualTo(1);
    }
  }

  private static Kernel twoBehindABridge() {
    return FakeKernel.of(
        KernelVersion.LINUX_6_12,
        machine -> {
          machine
              .runtimePowerManagement()
              .device("0000:00:01.0", new InertModel(PciFunction.of(1, 1).bridge()))
              .inGroup(1);
          for (PciAddress address : List.of(FIRST, SECOND)) {
            machine
                .device(address.toString(), new Register())
                .inGroup(1 + address.device())
                .behind("0000:00:01.0")
                .boundTo("vfio-pci");
          }
        });
  }

  /** It is one for the drivers of all devices that it reaches. */
  @Test
  void aHotResetEndsMigrations() {
    Kernel kernel = twoBehindABridge();
    try (Iommufd iommufd = Iommufd.open(kernel);
        BoundDevice one = VfioCdev.find(kernel, FIRST).open().bind(iommufd, DeviceCookie.of(1));
        BoundDevice two = VfioCdev.find(kernel, SECOND).open().bind(iommufd, DeviceCookie.of(2));
        SavingStream saved = two.migration().stopCopy()) {
      assertThat(two.migration().state()).isEqualTo(MigrationState.STOP_COPY);
      one.planHotReset().execute();
      assertThat(two.migration().state()).isEqualTo(MigrationState.RUNNING);
      assertThat(saved.isClosed()).isFalse();
    }
  }

  /** Also one that is refused, since it looks for the owners of devices that are awake. */
  @Test
  void aHotResetWakesAllOfTheBus() {
    Kernel kernel = twoBehindABridge();
    try (Iommufd iommufd = Iommufd.open(kernel);
        Iommufd other = Iommufd.open(kernel);
        EventFd wakeup = EventFd.create(kernel, "wake-up");
        BoundDevice one = VfioCdev.find(kernel, FIRST).open().bind(iommufd, DeviceCookie.of(1));
        BoundDevice two = VfioCdev.find(kernel, SECOND).open().bind(other, DeviceCookie.of(2))) {
      two.lowPower().enter(wakeup);
      VfioPciHotReset reset = new VfioPciHotReset(0);
      assertThat(kernel.ioctl(one.fd(), VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET, reset))
          .isEqualTo(Errno.EINVAL.result());
      assertThat(wakeup.take()).isEqualTo(1);
    }
  }

  /** But not one that has nothing to do on the device. */
  @Test
  void callsThatWake() {
    Kernel kernel = twoBehindABridge();
    NativeBlock block = new NativeBlock(8);
    try (Iommufd iommufd = Iommufd.open(kernel);
        EventFd wakeup = EventFd.create(kernel, "wake-up");
        BoundDevice here = VfioCdev.find(kernel, FIRST).open().bind(iommufd, DeviceCookie.of(1))) {
      int fd = here.fd();
      here.lowPower().enter(wakeup);
      assertThat(kernel.ioctl(fd, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, 16L)).isNegative();
      assertThat(kernel.pread(fd, block, 0, 0)).isZero();
      assertThat(kernel.pread(fd, block, 8, 100L << 40)).isEqualTo(Errno.EINVAL.result());
      assertThat(wakeup.take()).isZero();
      for (int request :
          new int[] {
            VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT,
            VfioDeviceUapi.VFIO_DEVICE_FEATURE,
            VfioDeviceUapi.VFIO_DEVICE_GET_INFO,
            0x3BFF
          }) {
        assertThat(kernel.ioctl(fd, request, 16L)).isNegative();
        assertThat(wakeup.take()).as("0x%x", request).isEqualTo(1);
        here.lowPower().enter(wakeup);
      }
      assertThat(kernel.pread(fd, block, 8, 8L << 40)).isEqualTo(Errno.EINVAL.result());
      assertThat(wakeup.take()).as("a region that is known").isEqualTo(1);
    }
  }

  /** A device that copies a word to wherever it is told, and notes that. */
  private static final class Writer implements DeviceModel, DmaLogger {
    private final PciFunction function =
        PciFunction.of(0x1234, 2).bar(0, 4096, PciFunction.Space.MEMORY);
    private final WriteLog log = new WriteLog();
    private DeviceBus bus;

    @Override
    public PciFunction function() {
      return function;
    }

    @Override
    public void connect(DeviceBus deviceBus) {
      bus = deviceBus;
    }

    @Override
    public long read(int bar, long offset, int width) {
      return 0;
    }

    @Override
    public void write(int bar, long offset, int width, long value) {
      if (bus.writeMemory(value, new byte[] {1, 2, 3, 4}, 0, 4)) {
        log.wrote(value, 4);
      }
    }

    @Override
    public void reset() {}

    @Override
    public long startLogging(long pageSize, List<IovaRange> ranges) {
      return log.startLogging(pageSize, ranges);
    }

    @Override
    public int stopLogging() {
      return log.stopLogging();
    }

    @Override
    public int reportWrites(long iova, long length, Dirty dirty) {
      return log.reportWrites(iova, length, dirty);
    }
  }

  @Test
  void aDeviceNotesWhereItWrites() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine.device(HERE.toString(), new Writer()).inGroup(1).boundTo("vfio-pci"));
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE);
        DmaBuffer memory = here.dma().allocate(16 * 4096)) {
      here.device().config().enableBusMaster(true);
      long first = memory.iova();
      IovaRange range = new IovaRange(first, first + 16 * 4096 - 1);
      DirtyBitmap bitmap = new DirtyBitmap(first, 16 * 4096, 4096);
      write(here, first);
      try (DmaLogging logging = here.device().startDmaLogging(4096, List.of(range))) {
        VfioException twice =
            refused(Reason.IN_USE, () -> here.device().startDmaLogging(4096, List.of(range)));
        assertThat(twice.fact()).contains("already");
        logging.report(bitmap);
        assertThat(bitmap.countDirty()).as("before it began").isZero();
        write(here, first + 3 * 4096);
        write(here, first + 9 * 4096 - 2);
        logging.report(bitmap);
        assertThat(bitmap.ranges())
            .containsExactly(
                new IovaRange(first + 3 * 4096, first + 4 * 4096 - 1),
                new IovaRange(first + 8 * 4096, first + 10 * 4096 - 1));
        bitmap.clear();
        logging.report(bitmap);
        assertThat(bitmap.countDirty()).as("reported once").isZero();
      }
      here.device().startDmaLogging(4096, List.of(range)).close();
    }
  }

  private static long readOnly(Kernel kernel, NativeBlock block) {
    int fd = Kernel.host().open("/proc/self/mem", Linux.O_RDWR);
    MappedMemory memory =
        kernel.mmap(-1, 0, 4096, Linux.PROT_READ, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS).value();
    // Which a debugger may.
    Kernel.host().pwrite(fd, block, block.capacity(), memory.address());
    Kernel.host().close(fd);
    return memory.address();
  }

  /** A start that cannot be told of did not happen, and bits that cannot be set are lost. */
  @Test
  void loggingIntoMemoryThatIsNotThere() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine.device(HERE.toString(), new Writer()).inGroup(1).boundTo("vfio-pci"));
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE);
        DmaBuffer memory = here.dma().allocate(4096)) {
      here.device().config().enableBusMaster(true);
      NativeBlock range = new NativeBlock(VfioDeviceFeatureDmaLoggingRange.SIZEOF);
      range.putLong(VfioDeviceFeatureDmaLoggingRange.IOVA, memory.iova());
      range.putLong(VfioDeviceFeatureDmaLoggingRange.LENGTH, 4096);
      VfioDeviceFeature start =
          new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingControl.SIZEOF)
              .flags(VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START);
      int data = VfioDeviceFeature.DATA;
      start.putLong(data + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE, 4096);
      start.putInt(data + VfioDeviceFeatureDmaLoggingControl.NUM_RANGES, 1);
      start.putLong(data + VfioDeviceFeatureDmaLoggingControl.RANGES, range.address());
      int fd = here.device().fd();
      assertThat(kernel.ioctl(fd, VFIO_DEVICE_FEATURE, readOnly(kernel, start)))
          .isEqualTo(Errno.EFAULT.result());
      assertThat(kernel.ioctl(fd, VFIO_DEVICE_FEATURE, start)).isZero();
      write(here, memory.iova());
      VfioDeviceFeature report =
          new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingReport.SIZEOF)
              .flags(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT);
      report.putLong(data + VfioDeviceFeatureDmaLoggingReport.IOVA, memory.iova());
      report.putLong(data + VfioDeviceFeatureDmaLoggingReport.LENGTH, 4096);
      report.putLong(data + VfioDeviceFeatureDmaLoggingReport.PAGE_SIZE, 4096);
      report.putLong(data + VfioDeviceFeatureDmaLoggingReport.BITMAP, 4096);
      assertThat(kernel.ioctl(fd, VFIO_DEVICE_FEATURE, report)).isZero();
      NativeBlock bits = new NativeBlock(Long.BYTES);
      report.putLong(data + VfioDeviceFeatureDmaLoggingReport.BITMAP, bits.address());
      assertThat(kernel.ioctl(fd, VFIO_DEVICE_FEATURE, report)).isZero();
      assertThat(bits.getLong(0)).as("reported once").isZero();
    }
  }

  private static void write(AssignedDevice device, long iova) {
    device.device().region(VfioPci.BAR0).putLongLe(0, iova);
  }

  /** The token at the device node, which 6.12 knows nothing of. */
  @Test
  void aVirtualFunctionByItsNode() {
    assertThat(openVirtualFunction(KernelVersion.LINUX_6_12, Optional.empty())).isEmpty();
    assertThat(openVirtualFunction(KernelVersion.LINUX_6_12, Optional.of(TOKEN)))
        .contains(Reason.NOT_SUPPORTED);
    assertThat(openVirtualFunction(KernelVersion.LINUX_6_17, Optional.empty()))
        .contains(Reason.NO_PERMISSION);
    assertThat(openVirtualFunction(KernelVersion.LINUX_6_17, Optional.of(VfToken.random())))
        .contains(Reason.NO_PERMISSION);
    assertThat(openVirtualFunction(KernelVersion.LINUX_6_17, Optional.of(TOKEN))).isEmpty();
  }

  /** With its physical function on vfio-pci, whose token is {@link #TOKEN}; why not, if so. */
  private static Optional<Reason> openVirtualFunction(
      KernelVersion version, Optional<VfToken> token) {
    Kernel kernel =
        FakeKernel.of(
            version,
            machine ->
                machine
                    .device(HERE.toString(), new NvmeModel("vf", 1 << 20).withVirtualFunctions(1))
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    byte[] one = {'1'};
    kernel.writeFile("/sys/module/vfio_pci/parameters/enable_sriov", one);
    try (Iommufd iommufd = Iommufd.open(kernel);
        BoundDevice physical =
            VfioCdev.find(kernel, HERE).open().bind(iommufd, DeviceCookie.of(1))) {
      physical.features().setVfToken(TOKEN);
      kernel.writeFile("/sys/bus/pci/devices/" + HERE + "/sriov_numvfs", one);
      PciAddress virtual = PciAddress.of("0000:00:03.1");
      try (UnboundDevice unbound = VfioCdev.find(kernel, virtual).open();
          BoundDevice bound =
              token.isPresent()
                  ? unbound.bind(iommufd, DeviceCookie.of(2), token.get())
                  : unbound.bind(iommufd, DeviceCookie.of(2))) {
        assertThat(bound.isClosed()).isFalse();
        return Optional.empty();
      } catch (VfioException e) {
        return Optional.of(e.reason());
      }
    }
  }

  /** One function on the bus is behind the IOMMU, the other is not. */
  @Test
  void aHotResetOfAFunctionInNoGroup() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              machine
                  .device("0000:00:02.0", new InertModel(PciFunction.of(1, 1).bridge()))
                  .inGroup(1);
              machine
                  .device("0000:01:00.0", new Register())
                  .inGroup(2)
                  .behind("0000:00:02.0")
                  .boundTo("vfio-pci");
              machine.device("0000:01:00.1", new Register()).behind("0000:00:02.0");
            });
    PciAddress address = PciAddress.of("0000:01:00.0");
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, address)) {
      VfioException refusal = refused(Reason.NO_PERMISSION, () -> here.device().planHotReset());
      assertThat(refusal.errno()).contains(Errno.EPERM);
      assertThat(refusal.fact()).contains("in no group");
    }
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, address)) {
      assertThat(here.device().planHotReset().missing()).hasSize(1);
    }
  }

  /** A device whose firmware changes while it is saved, which is told to who asked. */
  @Test
  void initialDataThatIsAnother() throws IOException {
    byte[][] fresh = {new byte[0]};
    Register model =
        new Register() {
          @Override
          public boolean hasPreCopy() {
            return true;
          }

          @Override
          public byte[] preCopy() {
            return new byte[] {1, 2, 3, 4};
          }

          @Override
          public byte[] newInitialData() {
            byte[] given = fresh[0];
            fresh[0] = new byte[0];
            return given;
          }
        };
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.NEWEST,
            machine -> {
              machine.device(HERE.toString(), model).inGroup(1).boundTo("vfio-pci");
              machine.device(THERE.toString(), new Register()).inGroup(2).boundTo("vfio-pci");
            });
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE);
        AssignedDevice there = AssignedDevice.open(kernel, VfioMode.IOMMUFD, THERE)) {
      Migration migration = here.device().migration();
      // Without pre-copy there is nothing of the kind.
      VfioException none =
          refused(Reason.INVALID_ARGUMENT, there.device().migration()::reportNewInitialData);
      assertThat(none.errno()).contains(Errno.EINVAL);
      migration.reportNewInitialData();
      try (SavingStream saved = migration.preCopy()) {
        assertThat(saved.preCopyInfo().isReinitialized()).isFalse();
        ByteBuffer read = ByteBuffer.allocate(16);
        assertThat(saved.read(read)).isEqualTo(4);
        fresh[0] = new byte[] {5, 6};
        PreCopyInfo again = saved.preCopyInfo();
        assertThat(again.isReinitialized()).isTrue();
        assertThat(again.initialBytes()).isEqualTo(2);
        assertThat(saved.preCopyInfo().isReinitialized()).isFalse();
        assertThat(saved.read(read)).isEqualTo(2);
      }
    }
  }

  @Test
  void aHostWhoseMsixDoesNotGrow() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine
                    .withoutDynamicMsix()
                    .device(HERE.toString(), new NvmeModel("fixed", 1 << 20))
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    try (AssignedDevice nvme = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE);
        Interrupts msix = nvme.device().interrupts(VfioPci.MSIX).enable(1)) {
      assertThat(msix.info().has(IrqInfo.Flag.NORESIZE)).isTrue();
      VfioException refusal = refused(Reason.NOT_SUPPORTED, () -> msix.grow(2));
      assertThat(refusal.hint()).contains("at once");
      assertThat(msix.vectors()).isEqualTo(1);
    }
  }
}
