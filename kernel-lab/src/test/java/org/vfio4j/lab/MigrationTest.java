// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.Migration;
import org.vfio4j.device.MigrationState;
import org.vfio4j.device.MigrationStream;
import org.vfio4j.device.PreCopyInfo;
import org.vfio4j.device.ResumingStream;
import org.vfio4j.device.SavingStream;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigState;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPrecopyInfo;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;

/** Migration of {@code mtty}, whose driver can all of it: P2P and pre-copy, too. */
class MigrationTest {
  /** What {@code struct mtty_data} begins with, and is there before the device stops. */
  private static final int HEADER = 24;

  /** {@code struct serial_port}. */
  private static final int PORT = 36;

  /** Where the header has the number of ports. */
  private static final int NR_PORTS = 16;

  private static final byte[] IN_FIFO = {'v', 'f', 'i', 'o'};

  @Test
  @Tag("lab")
  void whatItCan() {
    try (Mtty single = new Mtty(1);
        Mtty dual = new Mtty(2)) {
      for (Mtty mtty : List.of(single, dual)) {
        assertThat(mtty.device().features().all())
            .containsExactlyInAnyOrder(
                DeviceFeature.MIGRATION,
                DeviceFeature.MIG_DEVICE_STATE,
                DeviceFeature.MIG_DATA_SIZE,
                DeviceFeature.DMA_LOGGING_START,
                DeviceFeature.DMA_LOGGING_STOP,
                DeviceFeature.DMA_LOGGING_REPORT);
        Migration migration = mtty.device().migration();
        assertThat(migration.flags()).isEqualTo(EnumSet.allOf(Migration.Flag.class));
        assertThat(migration.bits()).isEqualTo(7);
        assertThat(migration.state()).isEqualTo(MigrationState.RUNNING);
        VfioException newer =
            Refusal.of(Reason.NOT_SUPPORTED, Errno.ENOTTY, migration::reportNewInitialData);
        assertThat(newer.hint()).contains("Linux 7.1");
      }
      assertThat(single.device().migration().stopCopyLength()).isEqualTo(HEADER + PORT);
      assertThat(dual.device().migration().stopCopyLength()).isEqualTo(HEADER + 2 * PORT);
    }
  }

  /** Nobody has its descriptor then. */
  @Test
  @Tag("lab")
  void aStreamThatCannotBeTold() {
    try (Mtty mtty = new Mtty(1)) {
      VfioDeviceFeature set =
          new VfioDeviceFeature(VfioDeviceFeatureMigState.SIZEOF)
              .flags(
                  VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET
                      | VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE);
      set.putInt(
          VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DEVICE_STATE,
          MigrationState.STOP_COPY.number());
      int before = lowestDescriptor();
      int result =
          Lab.KERNEL.ioctl(
              mtty.device().fd(), VfioDeviceUapi.VFIO_DEVICE_FEATURE, Memory.readOnly(set));
      assertThat(Errno.ofResult(result)).isEqualTo(Errno.EFAULT);
      assertThat(lowestDescriptor()).isEqualTo(before);
      assertThat(mtty.device().migration().state()).isEqualTo(MigrationState.STOP_COPY);
    }
  }

  private static int lowestDescriptor() {
    int fd = Lab.KERNEL.open("/dev/null", Linux.O_RDWR);
    Lab.KERNEL.close(fd);
    return fd;
  }

  @EveryMode
  void devicesWithoutIt(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      VfioException refusal =
          Refusal.of(Reason.NOT_SUPPORTED, Errno.ENOTTY, () -> edu.device().migration());
      assertThat(refusal.hint()).contains("Linux 5.18");
      for (DeviceFeature feature :
          List.of(DeviceFeature.MIG_DEVICE_STATE, DeviceFeature.MIG_DATA_SIZE)) {
        assertThat(edu.device().features().has(feature)).isFalse();
        assertThat(RawFeature.get(edu.device(), feature, 8)).isEqualTo(Errno.ENOTTY);
      }
    }
  }

  @EveryMode
  void savedFromOneAndRestoredIntoAnother(VfioMode mode) throws IOException {
    byte[] state;
    try (Mtty here = new Mtty(mode, 2)) {
      use(here);
      Migration migration = here.device().migration();
      try (SavingStream saved = migration.stopCopy()) {
        assertThat(migration.state()).isEqualTo(MigrationState.STOP_COPY);
        state = all(saved);
        assertThat(state).hasSize((int) migration.stopCopyLength());
        assertThat(saved.read(ByteBuffer.allocate(10))).as("end").isEqualTo(-1);
      }
      // It goes on where it was: it was not the copy that took the state away.
      assertThat(migration.setState(MigrationState.RUNNING)).isEmpty();
      assertIsUsed(here);
    }
    try (Mtty there = new Mtty(mode, 2)) {
      Migration migration = there.device().migration();
      try (ResumingStream restored = migration.resume()) {
        assertThat(migration.state()).isEqualTo(MigrationState.RESUMING);
        // In parts, as a network has them.
        for (byte[] part : List.of(Arrays.copyOf(state, 7), Arrays.copyOfRange(state, 7, 96))) {
          assertThat(restored.write(ByteBuffer.wrap(part))).isEqualTo(part.length);
        }
      }
      assertThat(there.port(0).getByte(Mtty.SCR)).as("not before it is all there").isZero();
      assertThat(migration.setState(MigrationState.RUNNING)).isEmpty();
      assertIsUsed(there);
    }
  }

  @Test
  @Tag("lab")
  void preCopyGoesOnAsStopCopy() throws IOException {
    try (Mtty here = new Mtty(1);
        Mtty there = new Mtty(1)) {
      Migration migration = here.device().migration();
      ByteArrayOutputStream state = new ByteArrayOutputStream();
      try (SavingStream saved = migration.preCopy();
          ResumingStream restored = there.device().migration().resume()) {
        assertThat(migration.state()).isEqualTo(MigrationState.PRE_COPY);
        assertThat(saved.preCopyInfo()).isEqualTo(new PreCopyInfo(0, HEADER, 0));
        ByteBuffer part = ByteBuffer.allocate(10);
        assertThat(saved.read(part)).isEqualTo(10);
        state.write(part.array());
        assertThat(saved.preCopyInfo()).isEqualTo(new PreCopyInfo(0, HEADER - 10, 0));
        assertThat(saved.transferTo(Channels.newChannel(state))).isEqualTo(HEADER - 10);
        assertThat(saved.preCopyInfo().initialBytes()).isZero();

        // It runs meanwhile, and what it does then is part of what is saved.
        here.port(0).putByte(Mtty.SCR, (byte) 0x5a);
        assertThat(migration.save(MigrationState.PRE_COPY_P2P)).isSameAs(saved);
        assertThat(migration.state()).isEqualTo(MigrationState.PRE_COPY_P2P);
        assertThat(saved.preCopyInfo().isReinitialized()).isFalse();
        assertThat(migration.stopCopy()).isSameAs(saved);
        assertThat(migration.state()).isEqualTo(MigrationState.STOP_COPY);
        VfioException late = Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, saved::preCopyInfo);
        assertThat(late.fact()).contains("not in PRE_COPY");
        assertThat(saved.transferTo(Channels.newChannel(state))).isEqualTo(PORT);
        assertThat(restored.write(ByteBuffer.wrap(state.toByteArray()))).isEqualTo(HEADER + PORT);
      }
      assertThat(there.device().migration().setState(MigrationState.RUNNING)).isEmpty();
      assertThat(there.port(0).getByte(Mtty.SCR)).isEqualTo((byte) 0x5a);
    }
  }

  /** From every state to every other: by the rules of the kernel's table. */
  @TestFactory
  @Tag("lab")
  Stream<DynamicTest> everyArc() {
    return Arrays.stream(MigrationState.values())
        .filter(from -> from != MigrationState.ERROR)
        .map(
            from ->
                dynamicTest(
                    "from " + from,
                    () -> {
                      try (Mtty mtty = new Mtty(1)) {
                        for (MigrationState to : MigrationState.values()) {
                          arc(mtty.device(), from, to);
                        }
                      }
                    }));
  }

  private static void arc(VfioDevice device, MigrationState from, MigrationState to)
      throws IOException {
    device.reset();
    Migration migration = device.migration();
    assertThat(migration.state()).isEqualTo(MigrationState.RUNNING);
    byte[] state;
    try (SavingStream saved = migration.stopCopy()) {
      state = all(saved);
    }
    migration.setState(MigrationState.RUNNING);
    Optional<MigrationStream> before = migration.setState(from);
    assertThat(before.isPresent())
        .as("stream at %s", from)
        .isEqualTo(from.isSaving() || from == MigrationState.RESUMING);
    before
        .filter(ResumingStream.class::isInstance)
        .ifPresent(stream -> ((ResumingStream) stream).write(ByteBuffer.wrap(state)));
    boolean backToPreCopy =
        from == MigrationState.STOP_COPY && to.isSaving() && to != MigrationState.STOP_COPY;
    if (to == MigrationState.ERROR || backToPreCopy) {
      VfioException refusal =
          Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> migration.setState(to));
      assertThat(refusal.fact()).contains("is in " + from);
      assertThat(migration.state()).isEqualTo(from);
    } else {
      Optional<MigrationStream> after = migration.setState(to);
      assertThat(migration.state()).isEqualTo(to);
      boolean entersSaving = to.isSaving() && !from.isSaving();
      boolean entersResuming = to == MigrationState.RESUMING && from != to;
      assertThat(after.isPresent())
          .as("stream from %s to %s", from, to)
          .isEqualTo(entersSaving || entersResuming);
      after.ifPresent(
          stream ->
              assertThat(stream)
                  .isInstanceOf(to.isSaving() ? SavingStream.class : ResumingStream.class));
      after.ifPresent(MigrationStream::close);
    }
    before.ifPresent(MigrationStream::close);
  }

  @Test
  @Tag("lab")
  void statesThatThereAreNot() {
    try (Mtty mtty = new Mtty(1)) {
      for (int number : new int[] {8, 0xffff, -1, MigrationState.ERROR.number()}) {
        VfioDeviceFeature set = new VfioDeviceFeature(VfioDeviceFeatureMigState.SIZEOF);
        set.putInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DEVICE_STATE, number);
        set.putInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DATA_FD, 77);
        assertThat(RawFeature.set(mtty.device(), DeviceFeature.MIG_DEVICE_STATE, set))
            .as("state %d", number)
            .isEqualTo(Errno.EINVAL);
        assertThat(set.getInt(VfioDeviceFeature.DATA + VfioDeviceFeatureMigState.DATA_FD))
            .as("no stream, also where it fails")
            .isEqualTo(-1);
      }
      assertThat(mtty.device().migration().state()).isEqualTo(MigrationState.RUNNING);
    }
  }

  @Test
  @Tag("lab")
  void aStreamEndsWithItsState() {
    try (Mtty mtty = new Mtty(1)) {
      Migration migration = mtty.device().migration();
      try (SavingStream saved = migration.stopCopy()) {
        migration.setState(MigrationState.STOP);
        VfioException gone =
            Refusal.of(Reason.WRONG_STATE, Errno.ENODEV, () -> saved.read(ByteBuffer.allocate(1)));
        assertThat(gone.fact()).contains("has left the state");
        Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, saved::preCopyInfo);
        try (SavingStream next = migration.stopCopy()) {
          assertThat(next).isNotSameAs(saved);
          assertThat(next.read(ByteBuffer.allocate(100))).isEqualTo(HEADER + PORT);
        }
      }
      // The stream was closed, and the state is what it was: there is no other stream.
      VfioException second = Refusal.of(Reason.WRONG_STATE, migration::stopCopy);
      assertThat(second.fact()).contains("no second one");
      migration.setState(MigrationState.STOP);
      try (ResumingStream resumed = migration.resume()) {
        Refusal.of(Reason.WRONG_STATE, migration::resume);
        mtty.device().reset();
        assertThat(migration.state()).isEqualTo(MigrationState.RUNNING);
        Refusal.of(
            Reason.WRONG_STATE, Errno.ENODEV, () -> resumed.write(ByteBuffer.wrap(new byte[1])));
      }
      Refusal.of(Reason.INVALID_ARGUMENT, () -> migration.save(MigrationState.RUNNING));
    }
  }

  @Test
  @Tag("lab")
  void streamsGoOneWay() {
    try (Mtty mtty = new Mtty(1)) {
      NativeBlock bytes = new NativeBlock(64);
      Migration migration = mtty.device().migration();
      try (SavingStream saved = migration.preCopy()) {
        assertThat(Lab.KERNEL.write(saved.fd(), bytes, 1)).isEqualTo(Errno.EBADF.result());
        assertThat(Lab.KERNEL.pread(saved.fd(), bytes, 1, 0)).isEqualTo(Errno.ESPIPE.result());
        VfioPrecopyInfo info = new VfioPrecopyInfo();
        assertThat(ioctl(saved, info.argsz(VfioPrecopyInfo.SIZEOF - 1)))
            .isEqualTo(Errno.EINVAL.result());
        assertThat(ioctl(saved, info.argsz(VfioPrecopyInfo.SIZEOF))).isZero();
        assertThat(Lab.KERNEL.ioctl(saved.fd(), VfioDeviceUapi.VFIO_MIG_GET_PRECOPY_INFO, 16L))
            .isEqualTo(Errno.EFAULT.result());
        assertThat(Lab.KERNEL.ioctl(saved.fd(), VfioDeviceUapi.VFIO_DEVICE_GET_INFO, info))
            .isEqualTo(Errno.ENOTTY.result());
      }
      try (ResumingStream resumed = migration.resume()) {
        assertThat(Lab.KERNEL.read(resumed.fd(), bytes, 1)).isEqualTo(Errno.EBADF.result());
        assertThat(Lab.KERNEL.pwrite(resumed.fd(), bytes, 1, 0)).isEqualTo(Errno.ESPIPE.result());
        assertThat(ioctl(resumed, new VfioPrecopyInfo())).isEqualTo(Errno.ENOTTY.result());
      }
    }
  }

  @Test
  @Tag("lab")
  void whatItDoesNotTake() throws IOException {
    byte[] state;
    try (Mtty mtty = new Mtty(1);
        SavingStream saved = mtty.device().migration().stopCopy()) {
      state = all(saved);
    }
    try (Mtty mtty = new Mtty(1)) {
      Migration migration = mtty.device().migration();
      try (ResumingStream resumed = migration.resume()) {
        // Too much, before anything is looked at.
        Refusal.of(
            Reason.LIMIT,
            Errno.ENOMEM,
            () -> resumed.write(ByteBuffer.wrap(Arrays.copyOf(state, state.length + 1))));
        // Not all of it: it stays where it is until the rest comes.
        resumed.write(ByteBuffer.wrap(state, 0, state.length - 1));
        VfioException early =
            Refusal.of(
                Reason.INVALID_ARGUMENT,
                Errno.EINVAL,
                () -> migration.setState(MigrationState.RUNNING));
        assertThat(early.fact()).contains("is in RESUMING");
        assertThat(migration.state()).isEqualTo(MigrationState.RESUMING);
        resumed.write(ByteBuffer.wrap(state, state.length - 1, 1));
        migration.setState(MigrationState.RUNNING);
      }
      // Another magic number, another version, another number of ports.
      for (int at : new int[] {0, 8, 12, NR_PORTS, 20}) {
        byte[] wrong = state.clone();
        wrong[at] ^= 2;
        mtty.device().reset();
        try (ResumingStream resumed = migration.resume()) {
          VfioException refusal =
              Refusal.of(
                  Reason.INVALID_ARGUMENT,
                  Errno.EFAULT,
                  () -> resumed.write(ByteBuffer.wrap(wrong)));
          assertThat(refusal.fact()).contains("does not accept the data");
        }
      }
    }
    ByteBuffer header = ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(header.getInt(NR_PORTS)).isEqualTo(1);
  }

  private static int ioctl(MigrationStream stream, VfioPrecopyInfo info) {
    return Lab.KERNEL.ioctl(stream.fd(), VfioDeviceUapi.VFIO_MIG_GET_PRECOPY_INFO, info);
  }

  private static byte[] all(SavingStream saved) throws IOException {
    ByteArrayOutputStream state = new ByteArrayOutputStream();
    saved.transferTo(Channels.newChannel(state));
    return state.toByteArray();
  }

  /** Brings both ports into states that no new one is in. */
  private static void use(Mtty mtty) {
    for (int port = 0; port < 2; port++) {
      mtty.port(port).putByte(Mtty.LCR, (byte) Mtty.DLAB);
      mtty.port(port).putByte(Mtty.RX_TX, (byte) (0x12 + port));
      mtty.port(port).putByte(Mtty.IER, (byte) 0x34);
      mtty.port(port).putByte(Mtty.LCR, (byte) 0x03);
      mtty.port(port).putByte(Mtty.FCR, (byte) 0x01);
      mtty.port(port).putByte(Mtty.IER, (byte) (0x05 + port));
      mtty.port(port).putByte(Mtty.MCR, (byte) 0x0b);
      mtty.port(port).putByte(Mtty.SCR, (byte) (0x77 + port));
    }
    for (byte character : IN_FIFO) {
      mtty.port(1).putByte(Mtty.RX_TX, character);
    }
  }

  private static void assertIsUsed(Mtty mtty) {
    for (int port = 0; port < 2; port++) {
      assertThat(mtty.port(port).getByte(Mtty.LCR)).isEqualTo((byte) 0x03);
      assertThat(mtty.port(port).getByte(Mtty.IER)).isEqualTo((byte) (0x05 + port));
      assertThat(mtty.port(port).getByte(Mtty.MCR)).isEqualTo((byte) 0x0b);
      assertThat(mtty.port(port).getByte(Mtty.SCR)).isEqualTo((byte) (0x77 + port));
    }
    assertThat(mtty.port(0).getByte(Mtty.LSR) & Mtty.DATA_READY).isZero();
    byte[] received = new byte[IN_FIFO.length];
    for (int i = 0; i < received.length; i++) {
      assertThat(mtty.port(1).getByte(Mtty.LSR) & Mtty.DATA_READY).isNotZero();
      received[i] = mtty.port(1).getByte(Mtty.RX_TX);
    }
    assertThat(received).isEqualTo(IN_FIFO);
    assertThat(mtty.port(1).getByte(Mtty.LSR) & Mtty.DATA_READY).isZero();
  }
}
