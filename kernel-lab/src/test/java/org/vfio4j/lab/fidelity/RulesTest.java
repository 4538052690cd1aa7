// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.vfio4j.Errno;
import org.vfio4j.lab.LabKernels;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;

/**
 * The kernel's rules one by one, by raw calls: what the typed API does not let through, or tells in
 * its own words.
 */
@Tag("lab")
class RulesTest {
  private static final Kernel KERNEL = LabKernels.chosen();
  private static final long PAGE = 4096;
  private static final int FIXED = 1;
  private static final int BOTH = 6;
  private static final long IOVA = 0x10_0000;
  private static final String RECORDING = "rules.txt";

  /** Calls on the kernel, and what they must answer. */
  private static final class Script implements AutoCloseable {
    private final World world = new World();
    private final Lane lane = new Lane(KERNEL);
    private final UserMemory memory = new UserMemory(KERNEL);
    private final Transcript transcript = new Transcript();

    Script() {
      memory.tell(lane, world);
    }

    private String answer(Call call) {
      return Call.result(Answer.to(call, lane, transcript));
    }

    Argument memory() {
      return Argument.of(world.memory());
    }

    void fails(Errno errno, Call call) {
      assertThat(answer(call)).as(call.toString()).isEqualTo("-1 " + errno);
    }

    void works(Call call) {
      assertThat(answer(call)).as(call.toString()).doesNotStartWith("-1");
      call.succeeded();
    }

    void returns(long expected, Call call) {
      assertThat(answer(call)).as(call.toString()).isEqualTo(Call.result(expected));
      call.succeeded();
    }

    /** A 64-bit field of the last call's argument. */
    long told(int offset) {
      return lane.arena().getLong(offset);
    }

    Argument open(String path) {
      Handle handle = world.handle("file");
      works(Call.open(path, Linux.O_RDWR, handle));
      return Argument.of(handle);
    }

    Argument ioas(Argument iommufd) {
      Handle handle = world.handle("ioas");
      works(
          Call.ioctl("IOMMU_IOAS_ALLOC", 0x3B81, iommufd)
              .u32("size", 0, 12)
              .u32("flags", 4, 0)
              .makesId(handle, 8));
      return Argument.of(handle);
    }

    /** A device node that is bound. */
    Argument bound(String node, Argument iommufd) {
      Argument cdev = open(node);
      Handle device = world.handle("devid");
      works(bind(cdev, 16, 0, iommufd).makesId(device, 12));
      return cdev;
    }

    /** A container of this type with edu's group. */
    Argument container(int type) {
      Argument container = open("/dev/vfio/vfio");
      Argument group = open("/dev/vfio/1");
      works(join(group, container));
      works(number("VFIO_SET_IOMMU", 0x3B66, container, type));
      return container;
    }

    @Override
    public void close() {
      lane.closeAll();
      memory.close();
    }
  }

  private static Call number(String name, int request, Argument fd, long argument) {
    return Call.ioctl(name, request, fd, Argument.of(argument));
  }

  private static Call join(Argument group, Argument container) {
    return Call.ioctl("VFIO_GROUP_SET_CONTAINER", 0x3B68, group).u32("fd", 0, container);
  }

  private static Call bind(Argument cdev, int argsz, int flags, Argument iommufd) {
    return Call.ioctl("VFIO_DEVICE_BIND_IOMMUFD", 0x3B76, cdev)
        .u32("argsz", 0, argsz)
        .u32("flags", 4, flags)
        .u32("iommufd", 8, iommufd)
        .area(12, 4);
  }

  private static Call attach(Argument cdev, int argsz, int flags, Argument ptId) {
    return Call.ioctl("VFIO_DEVICE_ATTACH_IOMMUFD_PT", 0x3B77, cdev)
        .u32("argsz", 0, argsz)
        .u32("flags", 4, flags)
        .u32("pt_id", 8, ptId);
  }

  private static Call map(
      Argument fd, Argument ioas, int flags, Argument va, long length, long iova) {
    return Call.ioctl("IOMMU_IOAS_MAP", 0x3B85, fd)
        .u32("size", 0, 40)
        .u32("flags", 4, flags)
        .u32("ioas_id", 8, ioas)
        .u64("user_va", 16, va)
        .u64("length", 24, length)
        .u64("iova", 32, iova);
  }

  private static Call unmap(Argument fd, Argument ioas, long iova, long length) {
    return Call.ioctl("IOMMU_IOAS_UNMAP", 0x3B86, fd)
        .u32("size", 0, 24)
        .u32("ioas_id", 4, ioas)
        .u64("iova", 8, iova)
        .u64("length", 16, length);
  }

  private static Call copy(
      Argument fd, Argument to, Argument from, int flags, long length, long dst, long src) {
    return Call.ioctl("IOMMU_IOAS_COPY", 0x3B83, fd)
        .u32("size", 0, 40)
        .u32("flags", 4, flags)
        .u32("dst_ioas_id", 8, to)
        .u32("src_ioas_id", 12, from)
        .u64("length", 16, length)
        .u64("dst_iova", 24, dst)
        .u64("src_iova", 32, src);
  }

  private static Call option(
      Argument fd, int id, int op, int reserved, Argument object, long value) {
    return Call.ioctl("IOMMU_OPTION", 0x3B87, fd)
        .u32("size", 0, 24)
        .u32("option_id", 4, id)
        .u16("op", 8, op)
        .u16("__reserved", 10, reserved)
        .u32("object_id", 12, object)
        .u64("val64", 16, value);
  }

  private static Call vfioIoas(Argument fd, int op, int reserved, Argument ioas) {
    return Call.ioctl("IOMMU_VFIO_IOAS", 0x3B88, fd)
        .u32("size", 0, 12)
        .u32("ioas_id", 4, ioas)
        .u16("op", 8, op)
        .u16("__reserved", 10, reserved);
  }

  private static Call ranges(Argument fd, Argument ioas, int room, int reserved) {
    return Call.ioctl("IOMMU_IOAS_IOVA_RANGES", 0x3B84, fd)
        .u32("size", 0, 32)
        .u32("ioas_id", 4, ioas)
        .u32("num_iovas", 8, room)
        .u32("__reserved", 12, reserved)
        .pointer("allowed_iovas", 16, 128)
        .area(24, 8)
        .area(128, 64);
  }

  private static Call allow(Argument fd, Argument ioas, long... bounds) {
    Call call =
        Call.ioctl("IOMMU_IOAS_ALLOW_IOVAS", 0x3B82, fd)
            .u32("size", 0, 24)
            .u32("ioas_id", 4, ioas)
            .u32("num_iovas", 8, bounds.length / 2)
            .pointer("allowed_iovas", 16, 128);
    for (int i = 0; i < bounds.length; i++) {
      call.u64(i % 2 == 0 ? "start" : "last", 128 + 8 * i, bounds[i]);
    }
    return call;
  }

  private static Call destroy(Argument fd, Argument id) {
    return Call.ioctl("IOMMU_DESTROY", 0x3B80, fd).u32("size", 0, 8).u32("id", 4, id);
  }

  private static Call getDevice(Argument group, String name) {
    return Call.ioctl("VFIO_GROUP_GET_DEVICE_FD", 0x3B6A, group).text(0, name);
  }

  private static Call mapDma(Argument fd, int argsz, int flags, Argument va, long iova, long size) {
    return Call.ioctl("VFIO_IOMMU_MAP_DMA", 0x3B71, fd)
        .u32("argsz", 0, argsz)
        .u32("flags", 4, flags)
        .u64("vaddr", 8, va)
        .u64("iova", 16, iova)
        .u64("size", 24, size);
  }

  private static Call unmapDma(Argument fd, int argsz, int flags, long iova, long size) {
    return Call.ioctl("VFIO_IOMMU_UNMAP_DMA", 0x3B72, fd)
        .u32("argsz", 0, argsz)
        .u32("flags", 4, flags)
        .u64("iova", 8, iova)
        .u64("size", 16, size);
  }

  private static Call dirty(Argument fd, int flags) {
    return Call.ioctl("VFIO_IOMMU_DIRTY_PAGES", 0x3B75, fd)
        .u32("argsz", 0, 8)
        .u32("flags", 4, flags);
  }

  /** GET_BITMAP with one word of bits behind the struct. */
  private static Call bitmap(Argument fd, long iova, long size, long pageSize, long bytes) {
    return getBitmap(fd, iova, size, pageSize, bytes).pointer("data", 40, 128).area(128, 64);
  }

  private static Call getBitmap(Argument fd, long iova, long size, long pageSize, long bytes) {
    return Call.ioctl("VFIO_IOMMU_DIRTY_PAGES", 0x3B75, fd)
        .u32("argsz", 0, 48)
        .u32("flags", 4, 4)
        .u64("iova", 8, iova)
        .u64("size", 16, size)
        .u64("pgsize", 24, pageSize)
        .u64("bytes", 32, bytes);
  }

  private static Call unknown(Argument fd, int request) {
    return Call.ioctl("0x" + Integer.toHexString(request), request, fd).u32("size", 0, 8);
  }

  private static Argument id(int value) {
    return Argument.of(value);
  }

  private final List<DynamicTest> tests = new ArrayList<>();
  private final Set<String> names = new TreeSet<>();
  private String rules;

  /** All that there are, under a name of their own; and whether each is recorded. */
  private Stream<DynamicTest> rules(String group) {
    rules = group;
    tests.add(DynamicTest.dynamicTest("no other rule is recorded", this::noOtherIsRecorded));
    return tests.stream();
  }

  private void noOtherIsRecorded() {
    List<String> others =
        Recordings.names(RECORDING).stream()
            .filter(name -> name.startsWith(rules + ": "))
            .filter(name -> !names.contains(name.substring(rules.length() + 2)))
            .toList();
    assertThat(others).as("to record again: " + Recordings.AGAIN).isEmpty();
  }

  private void rule(String name, Consumer<Script> body) {
    assertThat(names.add(name)).as(name).isTrue();
    tests.add(
        DynamicTest.dynamicTest(
            name,
            () -> {
              try (Script script = new Script()) {
                body.accept(script);
                Recordings.check(RECORDING, rules + ": " + name, script.transcript);
              }
            }));
  }

  /** On a new iommufd with an IOAS. */
  private void ioasRule(String name, IoasRule body) {
    rule(
        name,
        s -> {
          Argument fd = s.open("/dev/iommu");
          body.of(s, fd, s.ioas(fd));
        });
  }

  private interface IoasRule {
    void of(Script s, Argument fd, Argument ioas);
  }

  @TestFactory
  Stream<DynamicTest> ofStructSizes() {
    ioasRule(
        "a struct that is too short is EINVAL, before anything else",
        (s, fd, ioas) ->
            s.fails(
                Errno.EINVAL,
                Call.ioctl("IOMMU_IOAS_MAP", 0x3B85, fd).u32("size", 0, 39).u32("flags", 4, -1)));
    ioasRule(
        "a longer struct with zeros is taken",
        (s, fd, ioas) ->
            s.works(Call.ioctl("IOMMU_DESTROY", 0x3B80, fd).u32("size", 0, 64).u32("id", 4, ioas)));
    ioasRule(
        "a longer struct with anything else is E2BIG",
        (s, fd, ioas) ->
            s.fails(
                Errno.E2BIG,
                Call.ioctl("IOMMU_DESTROY", 0x3B80, fd)
                    .u32("size", 0, 64)
                    .u32("id", 4, ioas)
                    .u8("unknown", 63, 1)));
    ioasRule(
        "no struct at all is EFAULT",
        (s, fd, ioas) -> s.fails(Errno.EFAULT, number("IOMMU_DESTROY", 0x3B80, fd, 0)));
    ioasRule(
        "an ioctl behind the table is ENOTTY",
        (s, fd, ioas) -> s.fails(Errno.ENOTTY, unknown(fd, 0x3BFF)));
    ioasRule(
        "an ioctl of another type is ENOTTY",
        (s, fd, ioas) -> s.fails(Errno.ENOTTY, unknown(fd, 0x3C80)));
    ioasRule(
        "ids begin with 1 and are used again",
        (s, fd, ioas) -> {
          s.works(destroy(fd, id(1)));
          s.fails(Errno.ENOENT, destroy(fd, id(1)));
          s.ioas(fd);
          s.works(destroy(fd, id(1)));
        });
    ioasRule(
        "another open has other ids",
        (s, fd, ioas) -> s.fails(Errno.ENOENT, destroy(s.open("/dev/iommu"), ioas)));
    ioasRule(
        "a duplicate has the same ids",
        (s, fd, ioas) -> {
          Handle second = s.world.handle("dup");
          s.works(Call.dup(fd, second));
          s.works(Call.close(fd));
          s.works(destroy(Argument.of(second), ioas));
        });
    ioasRule(
        "reads and writes are EINVAL",
        (s, fd, ioas) -> {
          s.fails(Errno.EINVAL, Call.pread(fd, 8, 0));
          s.fails(Errno.EINVAL, Call.pwrite(fd, 8, 0).u64("value", 0, 0));
        });
    return rules("of struct sizes");
  }

  @TestFactory
  Stream<DynamicTest> ofMapping() {
    Argument none = id(4711);
    ioasRule(
        "an unknown flag is EOPNOTSUPP, before the length is looked at",
        (s, fd, ioas) -> s.fails(Errno.EOPNOTSUPP, map(fd, none, 8 | BOTH, s.memory(), -1, IOVA)));
    ioasRule(
        "the last IOVA and the last length are EOVERFLOW, before the flags say for what",
        (s, fd, ioas) -> {
          s.fails(Errno.EOVERFLOW, map(fd, none, 0, s.memory(), PAGE, -1));
          s.fails(Errno.EOVERFLOW, map(fd, none, 0, s.memory(), -1, 0));
        });
    ioasRule(
        "neither reading nor writing is EINVAL, before the IOAS is looked for",
        (s, fd, ioas) -> s.fails(Errno.EINVAL, map(fd, none, FIXED, s.memory(), PAGE, IOVA)));
    ioasRule(
        "no such IOAS is ENOENT, before the length is looked at",
        (s, fd, ioas) -> s.fails(Errno.ENOENT, map(fd, none, BOTH, s.memory(), 0, 0)));
    ioasRule(
        "no length is EINVAL",
        (s, fd, ioas) -> s.fails(Errno.EINVAL, map(fd, ioas, BOTH, s.memory(), 0, 0)));
    ioasRule(
        "memory beyond the end is EOVERFLOW",
        (s, fd, ioas) ->
            s.fails(
                Errno.EOVERFLOW, map(fd, ioas, FIXED | BOTH, Argument.of(-PAGE), 2 * PAGE, IOVA)));
    ioasRule(
        "IOVAs beyond the end are EOVERFLOW",
        (s, fd, ioas) ->
            s.fails(Errno.EOVERFLOW, map(fd, ioas, FIXED | BOTH, s.memory(), 2 * PAGE, -PAGE)));
    ioasRule(
        "without a device single bytes can be mapped",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory().plus(1), 1, IOVA + 1));
          s.works(unmap(fd, ioas, IOVA + 1, 1));
        });
    ioasRule(
        "without a device memory that is not there can be mapped",
        (s, fd, ioas) -> s.works(map(fd, ioas, FIXED | BOTH, Argument.of(PAGE), PAGE, IOVA)));
    ioasRule(
        "any byte twice is EEXIST",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.fails(Errno.EEXIST, map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA + PAGE - 1));
        });
    ioasRule(
        "the kernel never chooses 0 and keeps the offset in the page",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, BOTH, s.memory().plus(0x10), PAGE, 0));
          assertThat(s.told(32) & (PAGE - 1)).isEqualTo(0x10);
          assertThat(s.told(32)).isGreaterThanOrEqualTo(PAGE);
        });
    ioasRule(
        "a chosen IOVA for half of all there is, is EOVERFLOW",
        (s, fd, ioas) ->
            s.fails(Errno.EOVERFLOW, map(fd, ioas, BOTH, Argument.of(0), Long.MAX_VALUE, 0)));
    ioasRule(
        "ranges that are allowed side by side are one",
        (s, fd, ioas) -> {
          s.works(allow(fd, ioas, IOVA, IOVA + PAGE - 1, IOVA + PAGE, IOVA + 2 * PAGE - 1));
          s.works(map(fd, ioas, BOTH, s.memory(), 2 * PAGE, 0));
          assertThat(s.told(32)).isEqualTo(IOVA);
        });
    ioasRule(
        "with a device half pages are EINVAL",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.works(attach(cdev, 12, 0, ioas));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory(), 0x800, IOVA));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory().plus(1), PAGE, IOVA));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA + 0x800));
          s.fails(Errno.EINVAL, map(fd, ioas, BOTH, s.memory().plus(0x800), PAGE, 0));
        });
    ioasRule(
        "with a device what is reserved is EINVAL, also where something is mapped",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.works(attach(cdev, 12, 0, ioas));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, 0xfee0_0000L));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, 1L << 39));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, 0xfee0_0000L - PAGE));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory(), 2 * PAGE, 0xfedf_f000L));
        });
    ioasRule(
        "with a device memory that is not there is EFAULT, and nothing stays mapped",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.works(attach(cdev, 12, 0, ioas));
          s.fails(Errno.EFAULT, map(fd, ioas, FIXED | BOTH, Argument.of(PAGE), PAGE, IOVA));
          Argument readOnly = Argument.of(s.world.readOnly());
          s.fails(Errno.EFAULT, map(fd, ioas, FIXED | BOTH, readOnly, PAGE, IOVA));
          s.works(map(fd, ioas, FIXED | 4, readOnly, PAGE, IOVA));
        });
    return rules("of mapping");
  }

  @TestFactory
  Stream<DynamicTest> ofUnmapping() {
    ioasRule(
        "no such IOAS is ENOENT, whatever the range",
        (s, fd, ioas) -> s.fails(Errno.ENOENT, unmap(fd, id(4711), -1, 0)));
    ioasRule(
        "no length is EINVAL", (s, fd, ioas) -> s.fails(Errno.EINVAL, unmap(fd, ioas, IOVA, 0)));
    ioasRule(
        "a range beyond the end is EOVERFLOW",
        (s, fd, ioas) -> {
          s.fails(Errno.EOVERFLOW, unmap(fd, ioas, -1, PAGE));
          s.fails(Errno.EOVERFLOW, unmap(fd, ioas, PAGE, -1));
          s.fails(Errno.EOVERFLOW, unmap(fd, ioas, -PAGE, 2 * PAGE));
        });
    ioasRule(
        "nothing mapped is ENOENT, but all of nothing is fine",
        (s, fd, ioas) -> {
          s.fails(Errno.ENOENT, unmap(fd, ioas, IOVA, PAGE));
          s.works(unmap(fd, ioas, 0, -1));
          assertThat(s.told(16)).isZero();
        });
    ioasRule(
        "a part of a mapping is ENOENT, and what came before it is gone",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), 2 * PAGE, IOVA + PAGE));
          s.fails(Errno.ENOENT, unmap(fd, ioas, IOVA, 2 * PAGE));
          assertThat(s.told(16)).isEqualTo(2 * PAGE);
          s.fails(Errno.ENOENT, unmap(fd, ioas, IOVA, PAGE));
          s.works(unmap(fd, ioas, IOVA + PAGE, 2 * PAGE));
        });
    ioasRule(
        "mappings and holes go in one call",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA + 3 * PAGE));
          s.works(unmap(fd, ioas, IOVA - PAGE, 6 * PAGE));
          assertThat(s.told(16)).isEqualTo(2 * PAGE);
        });
    ioasRule(
        "all at once says how much it was",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), 2 * PAGE, 1L << 40));
          s.works(unmap(fd, ioas, 0, -1));
          assertThat(s.told(16)).isEqualTo(3 * PAGE);
        });
    return rules("of unmapping");
  }

  @TestFactory
  Stream<DynamicTest> ofCopying() {
    ioasRule(
        "an unknown flag is EOPNOTSUPP, first of all",
        (s, fd, ioas) -> s.fails(Errno.EOPNOTSUPP, copy(fd, ioas, ioas, 16 | BOTH, -1, -1, -1)));
    ioasRule(
        "the last number is EOVERFLOW",
        (s, fd, ioas) -> {
          s.fails(Errno.EOVERFLOW, copy(fd, ioas, ioas, BOTH, -1, 0, 0));
          s.fails(Errno.EOVERFLOW, copy(fd, ioas, ioas, BOTH, PAGE, -1, 0));
          s.fails(Errno.EOVERFLOW, copy(fd, ioas, ioas, BOTH, PAGE, 0, -1));
        });
    ioasRule(
        "neither reading nor writing is EINVAL",
        (s, fd, ioas) -> s.fails(Errno.EINVAL, copy(fd, ioas, ioas, FIXED, PAGE, IOVA, IOVA)));
    ioasRule(
        "no such source is ENOENT, before the length is looked at",
        (s, fd, ioas) -> s.fails(Errno.ENOENT, copy(fd, ioas, id(4711), BOTH, 0, 0, IOVA)));
    ioasRule(
        "no length is EINVAL, before the target is looked for",
        (s, fd, ioas) -> s.fails(Errno.EINVAL, copy(fd, id(4711), ioas, BOTH, 0, 0, IOVA)));
    ioasRule(
        "a hole in the source is ENOENT",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA + 2 * PAGE));
          s.fails(Errno.ENOENT, copy(fd, ioas, ioas, FIXED | BOTH, 3 * PAGE, 2 * IOVA, IOVA));
        });
    ioasRule(
        "several mappings are copied at once, also to the same IOAS",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA + PAGE));
          s.works(copy(fd, ioas, ioas, FIXED | BOTH, PAGE, 2 * IOVA, IOVA + PAGE / 2));
          // They are two there as well.
          s.works(unmap(fd, ioas, 2 * IOVA, PAGE / 2));
          s.works(unmap(fd, ioas, 2 * IOVA + PAGE / 2, PAGE / 2));
        });
    ioasRule(
        "more access than the memory was given with is EPERM",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | 4, s.memory(), PAGE, IOVA));
          s.fails(Errno.EPERM, copy(fd, ioas, ioas, FIXED | BOTH, PAGE, 2 * IOVA, IOVA));
          s.works(copy(fd, ioas, ioas, FIXED | 4, PAGE, 2 * IOVA, IOVA));
        });
    return rules("of copying");
  }

  @TestFactory
  Stream<DynamicTest> ofRangesAndOptions() {
    ioasRule(
        "no room for ranges is EMSGSIZE, with their number",
        (s, fd, ioas) -> {
          s.fails(Errno.EMSGSIZE, ranges(fd, ioas, 0, 0));
          assertThat(s.told(8) & 0xffff_ffffL).isEqualTo(1);
          assertThat(s.told(24)).isEqualTo(1);
        });
    ioasRule(
        "a reserved field is EOPNOTSUPP, before the IOAS is looked for",
        (s, fd, ioas) -> s.fails(Errno.EOPNOTSUPP, ranges(fd, id(4711), 1, 1)));
    ioasRule(
        "no such IOAS is ENOENT", (s, fd, ioas) -> s.fails(Errno.ENOENT, ranges(fd, id(9), 1, 0)));
    ioasRule(
        "an allowed range of one byte is EINVAL",
        (s, fd, ioas) -> s.fails(Errno.EINVAL, allow(fd, ioas, IOVA, IOVA)));
    ioasRule(
        "an allowed range backwards is EINVAL",
        (s, fd, ioas) -> s.fails(Errno.EINVAL, allow(fd, ioas, IOVA, IOVA - 1)));
    ioasRule(
        "allowed ranges that overlap are EINVAL, and those before stay",
        (s, fd, ioas) -> {
          s.works(allow(fd, ioas, IOVA, IOVA + PAGE - 1));
          s.fails(Errno.EINVAL, allow(fd, ioas, 0, PAGE, PAGE, 2 * PAGE));
          s.works(map(fd, ioas, BOTH, s.memory(), PAGE, 0));
          assertThat(s.told(32)).isEqualTo(IOVA);
          s.fails(Errno.ENOSPC, map(fd, ioas, BOTH, s.memory(), PAGE, 0));
        });
    ioasRule(
        "what is allowed does not bind who gives the IOVA",
        (s, fd, ioas) -> {
          s.works(allow(fd, ioas, IOVA, IOVA + PAGE - 1));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, 2 * IOVA));
        });
    ioasRule(
        "a device whose reserved range is allowed is EADDRINUSE",
        (s, fd, ioas) -> {
          s.works(allow(fd, ioas, 0xfee0_0000L, 0xfee0_0fffL));
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.fails(Errno.EADDRINUSE, attach(cdev, 12, 0, ioas));
        });
    ioasRule(
        "half pages of before are EADDRINUSE for a device, and the alignment stays",
        (s, fd, ioas) -> {
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), 0x800, IOVA));
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.fails(Errno.EADDRINUSE, attach(cdev, 12, 0, ioas));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), 1, IOVA + 0x800));
        });
    ioasRule(
        "an unknown option, or a reserved field of it, is EOPNOTSUPP",
        (s, fd, ioas) -> {
          s.fails(Errno.EOPNOTSUPP, option(fd, 2, 0, 0, ioas, 0));
          s.fails(Errno.EOPNOTSUPP, option(fd, 1, 0, 1, ioas, 0));
          s.fails(Errno.EOPNOTSUPP, option(fd, 1, 2, 0, ioas, 0));
          s.fails(Errno.EOPNOTSUPP, option(fd, 0, 1, 0, ioas, 0));
        });
    ioasRule(
        "the mode of the limit is EBUSY once there is an object",
        (s, fd, ioas) -> {
          s.fails(Errno.EBUSY, option(fd, 0, 0, 0, id(0), 1));
          s.works(option(fd, 0, 1, 0, id(0), 0));
        });
    rule(
        "a mode of the limit that does not exist is EINVAL",
        s -> {
          Argument fd = s.open("/dev/iommu");
          s.fails(Errno.EINVAL, option(fd, 0, 0, 0, id(0), 2));
          s.works(option(fd, 0, 0, 0, id(0), 1));
          s.works(option(fd, 0, 1, 0, id(0), 0));
          assertThat(s.told(16)).isEqualTo(1);
        });
    ioasRule(
        "without large pages only whole pages can be mapped",
        (s, fd, ioas) -> {
          s.works(option(fd, 1, 0, 0, ioas, 0));
          s.fails(Errno.EINVAL, map(fd, ioas, FIXED | BOTH, s.memory(), 0x800, IOVA));
          s.works(option(fd, 1, 0, 0, ioas, 1));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), 0x800, IOVA));
          s.fails(Errno.EADDRINUSE, option(fd, 1, 0, 0, ioas, 0));
        });
    ioasRule(
        "large pages cannot be switched off under a device that has something mapped",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.works(attach(cdev, 12, 0, ioas));
          s.works(map(fd, ioas, FIXED | BOTH, s.memory(), PAGE, IOVA));
          s.fails(Errno.EINVAL, option(fd, 1, 0, 0, ioas, 0));
          s.works(option(fd, 1, 0, 0, ioas, 1));
        });
    return rules("of ranges and options");
  }

  @TestFactory
  Stream<DynamicTest> ofContainers() {
    for (int type : new int[] {1, 3}) {
      String name = type == 1 ? "type1: " : "type1v2: ";
      rule(
          name + "flags that are not known, none and both kinds are EINVAL",
          s -> {
            Argument c = s.container(type);
            s.fails(Errno.EINVAL, mapDma(c, 32, 8, s.memory(), IOVA, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 0, s.memory(), IOVA, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 7, s.memory(), IOVA, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 31, 3, s.memory(), IOVA, PAGE));
            s.works(mapDma(c, 64, 3, s.memory(), IOVA, PAGE));
          });
      rule(
          name + "what is not a whole page, or beyond the end, is EINVAL",
          s -> {
            Argument c = s.container(type);
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), IOVA, 0));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), IOVA, 0x800));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory().plus(1), IOVA, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), IOVA + 1, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), -PAGE, 2 * PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, Argument.of(-PAGE), IOVA, 2 * PAGE));
          });
      rule(
          name + "an overlap is EEXIST, what is reserved EINVAL, no memory EFAULT",
          s -> {
            Argument c = s.container(type);
            s.works(mapDma(c, 32, 3, s.memory(), IOVA, 2 * PAGE));
            s.fails(Errno.EEXIST, mapDma(c, 32, 3, s.memory(), IOVA + PAGE, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), 0xfee0_0000L, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), 1L << 39, PAGE));
            s.fails(Errno.EFAULT, mapDma(c, 32, 3, Argument.of(PAGE), 2 * IOVA, PAGE));
            s.works(mapDma(c, 32, 3, s.memory(), 2 * IOVA, PAGE));
          });
      rule(
          name + "other memory for a mapping needs that it was taken away, and the exact range",
          s -> {
            Argument c = s.container(type);
            s.works(mapDma(c, 32, 3, s.memory(), IOVA, 2 * PAGE));
            s.fails(Errno.ENOENT, mapDma(c, 32, 4, s.memory(), 2 * IOVA, PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 4, s.memory(), IOVA, 2 * PAGE));
            s.works(unmapDma(c, 24, 4, IOVA, 2 * PAGE));
            assertThat(s.told(16)).isEqualTo(2 * PAGE);
            s.fails(Errno.EINVAL, unmapDma(c, 24, 4, IOVA, 2 * PAGE));
            s.fails(Errno.EINVAL, mapDma(c, 32, 4, s.memory(), IOVA, PAGE));
            s.works(mapDma(c, 32, 4, s.memory().plus(4 * PAGE), IOVA, 2 * PAGE));
          });
      rule(
          name + "no group may join while memory is taken away",
          s -> {
            Argument c = s.container(type);
            s.works(mapDma(c, 32, 3, s.memory(), IOVA, PAGE));
            s.works(unmapDma(c, 24, 6, 0, 0));
            Argument group = s.open("/dev/vfio/4");
            s.fails(Errno.EBUSY, join(group, c));
            s.works(mapDma(c, 32, 4, s.memory(), IOVA, PAGE));
            s.works(join(group, c));
          });
      rule(
          name + "unmapping all takes no range",
          s -> {
            Argument c = s.container(type);
            s.works(mapDma(c, 32, 3, s.memory(), IOVA, PAGE));
            s.fails(Errno.EINVAL, unmapDma(c, 24, 2, IOVA, 0));
            s.fails(Errno.EINVAL, unmapDma(c, 24, 2, 0, PAGE));
            s.fails(Errno.EINVAL, unmapDma(c, 24, 3, 0, 0));
            s.works(unmapDma(c, 24, 2, 0, 0));
            assertThat(s.told(16)).isEqualTo(PAGE);
          });
      rule(
          name + "a range that ends with the last IOVA unmaps nothing",
          s -> {
            Argument c = s.container(type);
            s.works(mapDma(c, 32, 3, s.memory(), IOVA, PAGE));
            s.works(unmapDma(c, 24, 0, PAGE, -PAGE));
            assertThat(s.told(16)).isZero();
          });
      rule(
          name + "the third type, nesting, is EINVAL on x86",
          s -> {
            Argument container = s.open("/dev/vfio/vfio");
            s.works(join(s.open("/dev/vfio/1"), container));
            s.returns(1, number("VFIO_CHECK_EXTENSION", 0x3B65, container, 6));
            s.fails(Errno.EINVAL, number("VFIO_SET_IOMMU", 0x3B66, container, 6));
            s.works(number("VFIO_SET_IOMMU", 0x3B66, container, type));
            s.fails(Errno.EINVAL, number("VFIO_SET_IOMMU", 0x3B66, container, type));
          });
    }
    rule("type1 has no dirty tracking", s -> s.fails(Errno.EACCES, dirty(s.container(1), 1)));
    rule(
        "type1v2: one flag of dirty tracking at a time",
        s -> {
          Argument c = s.container(3);
          s.fails(Errno.EINVAL, dirty(c, 3));
          s.fails(Errno.EINVAL, dirty(c, 8));
          s.works(dirty(c, 1));
          s.works(dirty(c, 1));
          s.works(dirty(c, 2));
          s.works(dirty(c, 2));
        });
    rule(
        "type1v2: with an IOMMU every mapped page is dirty",
        s -> {
          Argument c = s.container(3);
          s.works(mapDma(c, 32, 3, s.memory(), IOVA, 2 * PAGE));
          s.fails(Errno.EINVAL, bitmap(c, IOVA, 2 * PAGE, PAGE, 8));
          s.works(dirty(c, 1));
          s.works(bitmap(c, IOVA - PAGE, 4 * PAGE, PAGE, 8));
          assertThat(s.told(128)).isEqualTo(6);
        });
    rule(
        "type1v2: bits that could not be told stay where they were shifted to",
        s -> {
          Argument c = s.container(3);
          s.works(mapDma(c, 32, 3, s.memory(), IOVA, PAGE));
          s.works(dirty(c, 1));
          long nowhere = 0x7fff_ffff_f000L;
          s.fails(
              Errno.EFAULT,
              getBitmap(c, IOVA - 6 * PAGE, 7 * PAGE, PAGE, 8).u64("data", 40, nowhere));
          s.works(bitmap(c, IOVA, PAGE, PAGE, 8));
          assertThat(s.told(128)).isEqualTo(1 | 1 << 6);
        });
    rule(
        "type1v2: a bitmap that is too small, of other pages or of a part is EINVAL",
        s -> {
          Argument c = s.container(3);
          s.works(mapDma(c, 32, 3, s.memory(), IOVA, 2 * PAGE));
          s.works(dirty(c, 1));
          s.fails(Errno.EINVAL, bitmap(c, IOVA, 2 * PAGE, PAGE, 0));
          s.fails(Errno.EINVAL, bitmap(c, IOVA, 65 * PAGE, PAGE, 8));
          s.fails(Errno.EINVAL, bitmap(c, IOVA, 2 * PAGE, 2 * PAGE, 8));
          s.fails(Errno.EINVAL, bitmap(c, IOVA, PAGE, PAGE, 8));
          s.fails(Errno.EINVAL, bitmap(c, IOVA, 0, PAGE, 8));
          s.fails(Errno.EINVAL, bitmap(c, IOVA + 1, 2 * PAGE, PAGE, 8));
        });
    rule(
        "before a type is chosen everything but questions is EINVAL",
        s -> {
          Argument c = s.open("/dev/vfio/vfio");
          s.returns(0, number("VFIO_GET_API_VERSION", 0x3B64, c, 0));
          s.fails(Errno.EINVAL, mapDma(c, 32, 3, s.memory(), IOVA, PAGE));
          s.fails(Errno.EINVAL, unknown(c, 0x3BFF));
          s.fails(Errno.EINVAL, number("VFIO_SET_IOMMU", 0x3B66, c, 3));
          s.works(join(s.open("/dev/vfio/1"), c));
          s.fails(Errno.ENODEV, number("VFIO_SET_IOMMU", 0x3B66, c, 2));
        });
    rule(
        "an extension that only a chosen type has",
        s -> {
          Argument c = s.open("/dev/vfio/vfio");
          s.returns(0, number("VFIO_CHECK_EXTENSION", 0x3B65, c, 10));
          s.returns(1, number("VFIO_CHECK_EXTENSION", 0x3B65, s.container(3), 10));
        });
    return rules("of containers");
  }

  @TestFactory
  Stream<DynamicTest> ofContainersOnAnIommufd() {
    rule(
        "without an IOAS for them the calls are ENODEV, after what they are given was read",
        s -> {
          Argument c = s.open("/dev/iommu");
          s.fails(Errno.EINVAL, mapDma(c, 31, 3, s.memory(), IOVA, PAGE));
          s.fails(Errno.ENODEV, mapDma(c, 32, 3, s.memory(), IOVA, PAGE));
          s.fails(Errno.ENODEV, unmapDma(c, 24, 0, IOVA, PAGE));
          s.fails(Errno.ENODEV, number("VFIO_SET_IOMMU", 0x3B66, c, 3));
          s.fails(Errno.EINVAL, number("VFIO_SET_IOMMU", 0x3B66, c, 8));
          s.fails(Errno.ENODEV, vfioIoas(c, 0, 0, id(0)));
          s.fails(Errno.EFAULT, number("VFIO_IOMMU_GET_INFO", 0x3B70, c, 0));
        });
    rule(
        "the IOAS for them is chosen, told and forgotten",
        s -> {
          Argument c = s.open("/dev/iommu");
          Argument ioas = s.ioas(c);
          s.fails(Errno.ENOENT, vfioIoas(c, 1, 0, id(9)));
          s.fails(Errno.EOPNOTSUPP, vfioIoas(c, 3, 0, ioas));
          s.fails(Errno.EOPNOTSUPP, vfioIoas(c, 0, 1, ioas));
          s.works(vfioIoas(c, 1, 0, ioas));
          s.works(vfioIoas(c, 0, 0, id(0)));
          s.works(number("VFIO_SET_IOMMU", 0x3B66, c, 3));
          s.works(number("VFIO_SET_IOMMU", 0x3B66, c, 3));
          s.works(vfioIoas(c, 2, 0, id(0)));
          s.fails(Errno.ENODEV, vfioIoas(c, 0, 0, id(0)));
          s.works(vfioIoas(c, 1, 0, ioas));
          s.works(destroy(c, ioas));
          s.fails(Errno.ENODEV, vfioIoas(c, 0, 0, id(0)));
        });
    rule(
        "a mapping for nobody is taken, until there is a device",
        s -> {
          Argument c = s.open("/dev/iommu");
          Argument group = s.open("/dev/vfio/1");
          s.works(join(group, c));
          s.works(mapDma(c, 32, 0, s.memory(), IOVA, PAGE));
          s.fails(Errno.EINVAL, getDevice(group, "0000:00:05.0"));
        });
    rule(
        "what is mapped where a device must not have it is EADDRINUSE as it is opened",
        s -> {
          Argument c = s.open("/dev/iommu");
          Argument group = s.open("/dev/vfio/1");
          s.works(join(group, c));
          s.works(mapDma(c, 32, 3, s.memory(), 0xfee0_0000L, PAGE));
          s.fails(Errno.EADDRINUSE, getDevice(group, "0000:00:05.0"));
          s.works(unmapDma(c, 24, 0, 0xfee0_0000L, PAGE));
          s.works(getDevice(group, "0000:00:05.0").makesFd(s.world.handle("device")));
        });
    rule(
        "a part of a mapping is ENOENT as type1v2 of it, and cut as type1",
        s -> {
          Argument c = s.open("/dev/iommu");
          s.works(join(s.open("/dev/vfio/1"), c));
          s.works(mapDma(c, 32, 3, s.memory(), IOVA, 4 * PAGE));
          s.fails(Errno.ENOENT, unmapDma(c, 24, 0, IOVA + PAGE, PAGE));
          assertThat(s.told(16)).isZero();
          s.works(number("VFIO_SET_IOMMU", 0x3B66, c, 1));
          s.works(unmapDma(c, 24, 0, IOVA + PAGE, PAGE));
          s.works(unmapDma(c, 24, 0, IOVA, 4 * PAGE));
          assertThat(s.told(16)).isEqualTo(3 * PAGE);
        });
    rule(
        "bitmaps, other memory and dirty tracking are refused",
        s -> {
          Argument c = s.open("/dev/iommu");
          s.works(join(s.open("/dev/vfio/1"), c));
          s.fails(Errno.EINVAL, mapDma(c, 32, 4, s.memory(), IOVA, PAGE));
          s.fails(Errno.EINVAL, unmapDma(c, 48, 1, IOVA, PAGE));
          s.fails(Errno.EINVAL, unmapDma(c, 24, 4, IOVA, PAGE));
          s.fails(Errno.EINVAL, unmapDma(c, 24, 2, IOVA, 0));
          s.fails(Errno.ENOTTY, dirty(c, 1));
          s.returns(0, number("VFIO_CHECK_EXTENSION", 0x3B65, c, 10));
          s.returns(0, number("VFIO_CHECK_EXTENSION", 0x3B65, c, 6));
        });
    return rules("of containers on an iommufd");
  }

  @TestFactory
  Stream<DynamicTest> ofGroupsAndNodes() {
    rule(
        "a group joins a container, or an iommufd, and nothing else",
        s -> {
          Argument group = s.open("/dev/vfio/1");
          s.fails(Errno.EBADF, join(group, id(-1)));
          s.fails(Errno.EBADFD, join(group, group));
          s.fails(Errno.EINVAL, number("VFIO_GROUP_UNSET_CONTAINER", 0x3B69, group, 0));
          s.works(join(group, s.open("/dev/vfio/vfio")));
          s.fails(Errno.EINVAL, join(group, s.open("/dev/vfio/vfio")));
          s.works(number("VFIO_GROUP_UNSET_CONTAINER", 0x3B69, group, 0));
        });
    rule(
        "a group is opened once",
        s -> {
          s.open("/dev/vfio/1");
          s.fails(Errno.EBUSY, Call.open("/dev/vfio/1", Linux.O_RDWR, s.world.handle("file")));
        });
    rule(
        "an unknown ioctl of a group is ENOTTY, a pointer to nowhere EFAULT",
        s -> {
          Argument group = s.open("/dev/vfio/1");
          s.fails(Errno.ENOTTY, unknown(group, 0x3B71));
          s.fails(Errno.EFAULT, number("VFIO_GROUP_GET_STATUS", 0x3B67, group, 0));
          s.fails(Errno.EFAULT, number("VFIO_GROUP_SET_CONTAINER", 0x3B68, group, 0));
          s.fails(Errno.EFAULT, number("VFIO_GROUP_GET_DEVICE_FD", 0x3B6A, group, 0));
        });
    rule(
        "a device's name may end in blanks, but in no option that it does not have",
        s -> {
          Argument group = s.open("/dev/vfio/1");
          s.works(join(group, s.open("/dev/iommu")));
          for (String wrong : List.of("0000:00:05", "0000:00:05.0x", "0000:01:01.0", "")) {
            s.fails(Errno.ENODEV, getDevice(group, wrong));
          }
          for (String wrong :
              List.of(
                  "0000:00:05.0 x",
                  "0000:00:05.0 vf_token=2ab74924-c335-45f4-9b16-8569e5b08258",
                  "0000:00:05.0 vf_token=2ab7")) {
            s.fails(Errno.EINVAL, getDevice(group, wrong));
          }
          s.works(getDevice(group, "0000:00:05.0  ").makesFd(s.world.handle("device")));
        });
    ioasRule(
        "a node is EINVAL until it is bound, also for what nobody has",
        (s, fd, ioas) -> {
          Argument cdev = s.open("/dev/vfio/devices/vfio0");
          s.fails(Errno.EINVAL, unknown(cdev, 0x3BFF));
          s.fails(Errno.EINVAL, unknown(cdev, 0x3B6B));
          s.fails(Errno.EINVAL, Call.pread(cdev, 4, 0));
          s.fails(Errno.EINVAL, attach(cdev, 12, 0, ioas));
        });
    ioasRule(
        "what binding is given",
        (s, fd, ioas) -> {
          Argument cdev = s.open("/dev/vfio/devices/vfio0");
          s.fails(Errno.EINVAL, bind(cdev, 15, 0, fd));
          s.fails(Errno.EINVAL, bind(cdev, 16, 1, fd));
          s.fails(Errno.EINVAL, bind(cdev, 16, 0, id(-1)));
          s.fails(Errno.EBADF, bind(cdev, 16, 0, id(0x3fff_0000)));
          s.fails(Errno.EBADFD, bind(cdev, 16, 0, cdev));
          s.works(bind(cdev, 16, 0, fd));
          s.fails(Errno.EINVAL, bind(cdev, 16, 0, fd));
          Argument again = s.open("/dev/vfio/devices/vfio0");
          s.fails(Errno.EINVAL, bind(again, 16, 0, fd));
        });
    ioasRule(
        "what attaching is given",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.fails(Errno.EINVAL, attach(cdev, 11, 0, ioas));
          s.fails(Errno.EINVAL, attach(cdev, 12, 1, ioas));
          s.fails(Errno.ENOENT, attach(cdev, 12, 0, id(4711)));
          // A device is nothing to attach to.
          s.fails(Errno.EINVAL, attach(cdev, 12, 0, id(2)));
          s.works(attach(cdev, 12, 0, ioas));
          s.works(attach(cdev, 12, 0, ioas));
          s.fails(Errno.EBUSY, destroy(fd, ioas));
          s.fails(Errno.EBUSY, destroy(fd, id(2)));
          s.fails(Errno.EBUSY, destroy(fd, id(3)));
          s.works(Call.close(cdev));
          s.fails(Errno.ENOENT, destroy(fd, id(3)));
          s.works(destroy(fd, ioas));
        });
    ioasRule(
        "a second device of the group must go to the same IOAS",
        (s, fd, ioas) -> {
          Argument one = s.bound("/dev/vfio/devices/vfio2", fd);
          Argument other = s.bound("/dev/vfio/devices/vfio3", fd);
          s.works(attach(one, 12, 0, ioas));
          s.fails(Errno.EINVAL, attach(other, 12, 0, s.ioas(fd)));
          s.works(attach(other, 12, 0, ioas));
        });
    ioasRule(
        "a group and the nodes of its devices exclude each other",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.fails(Errno.EBUSY, Call.open("/dev/vfio/1", Linux.O_RDWR, s.world.handle("file")));
          s.works(Call.close(cdev));
          s.open("/dev/vfio/1");
          s.fails(Errno.EBUSY, bind(s.open("/dev/vfio/devices/vfio0"), 16, 0, fd));
        });
    ioasRule(
        "a group that another iommufd has is EPERM",
        (s, fd, ioas) -> {
          s.bound("/dev/vfio/devices/vfio2", fd);
          Argument other = s.open("/dev/iommu");
          s.fails(Errno.EPERM, bind(s.open("/dev/vfio/devices/vfio3"), 16, 0, other));
        });
    ioasRule(
        "nodes are opened as often as one likes, and read at positions that they do not have",
        (s, fd, ioas) -> {
          s.open("/dev/vfio/devices/vfio0");
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.fails(Errno.EINVAL, Call.pread(cdev, 4, 9L << 40));
          s.fails(Errno.EINVAL, Call.pread(cdev, 4, 1L << 40));
          s.fails(Errno.EFAULT, Call.pread(cdev, 4, (7L << 40) + 0x1000));
          s.fails(Errno.EINVAL, Call.pwrite(cdev, 4, 6L << 40).u32("value", 0, 0));
        });
    ioasRule(
        "what a program wrote to the header is gone when the device is opened again",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          long cacheLineSize = (7L << 40) + 0xc;
          s.returns(1, Call.pwrite(cdev, 1, cacheLineSize).u32("value", 0, 0x40));
          s.returns(1, Call.pread(cdev, 1, cacheLineSize));
          assertThat(s.told(0) & 0xff).isEqualTo(0x40);
          s.works(Call.close(cdev));
          Argument again = s.bound("/dev/vfio/devices/vfio0", fd);
          s.returns(1, Call.pread(again, 1, cacheLineSize));
          assertThat(s.told(0) & 0xff).isZero();
        });
    ioasRule(
        "no vectors of MSI are ERANGE, and one too many are EINVAL",
        (s, fd, ioas) -> {
          Argument cdev = s.bound("/dev/vfio/devices/vfio0", fd);
          s.fails(Errno.ERANGE, irqs(cdev, 0x24, 1, 0, 0));
          s.fails(Errno.EINVAL, irqs(cdev, 0x24, 1, 0, 2));
          s.fails(Errno.EINVAL, irqs(cdev, 0x24, 1, 1, 1));
          s.fails(Errno.EINVAL, irqs(cdev, 0x21, 1, 0, 1));
          s.fails(Errno.ENOTTY, irqs(cdev, 0x09, 1, 0, 1));
          s.fails(Errno.EINVAL, irqs(cdev, 0x27, 1, 0, 1));
          s.fails(Errno.EINVAL, irqs(cdev, 0x21, 5, 0, 1));
        });
    return rules("of groups and nodes");
  }

  private static Call irqs(Argument fd, int flags, int index, int start, int count) {
    return Call.ioctl("VFIO_DEVICE_SET_IRQS", 0x3B6E, fd)
        .u32("argsz", 0, 28)
        .u32("flags", 4, flags)
        .u32("index", 8, index)
        .u32("start", 12, start)
        .u32("count", 16, count)
        .u32("fd", 20, -1)
        .u32("fd", 24, -1);
  }
}
