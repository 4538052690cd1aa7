// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;

/**
 * IOMMU_TEST_CMD of a kernel with CONFIG_IOMMUFD_TEST: mock devices with an IOMMU that has dirty
 * tracking, nesting and page faults.
 *
 * <p>Left out are the calls that are about kernel users of an IOAS, and huge pages of the mock
 * IOMMU, which depend on which memory the kernel gives. Source: {@code
 * drivers/iommu/iommufd/iommufd_test.h}.
 */
public final class MockCalls {
  /** What the mock IOMMU translates begins here. */
  static final long APERTURE = 1L << 24;

  private static final String MOCK = "mock";

  private static final int IOMMU_TEST_CMD = 0x3BA0;
  private static final int SIZEOF = 72;
  private static final int OP = 4;
  private static final int ID = 8;
  private static final int UNION = 16;

  private static final int ADD_RESERVED = 1;
  private static final int MOCK_DOMAIN = 2;
  private static final int MD_CHECK_MAP = 3;
  private static final int MOCK_DOMAIN_REPLACE = 10;
  private static final int MOCK_DOMAIN_FLAGS = 12;
  private static final int DIRTY = 13;
  private static final int MD_CHECK_IOTLB = 14;
  private static final int TRIGGER_IOPF = 15;
  private static final int UNKNOWN_OP = 22;

  private static final int NO_DIRTY = 1;
  private static final int UNKNOWN_FLAG = 1 << 9;

  private static final int IO_PAGE = 2048;
  private static final int MOST_BITS = 64;
  private static final int MOST_DEVICES = 3;

  private MockCalls() {}

  /** One device on the second IOAS. */
  public static List<CallKind.Generator> opening() {
    return List.of(MockCalls::make);
  }

  /** All of them. */
  public static List<CallKind> kinds() {
    return List.of(
        new CallKind(
            world -> world.count(MOCK) == 0 ? 40 : world.count(MOCK) < MOST_DEVICES ? 4 : 0,
            MockCalls::make),
        CallKind.of(0, 8, MOCK, MockCalls::replace),
        CallKind.of(0, 3, MOCK, MockCalls::destroy),
        CallKind.of(0, 6, IommufdCalls.HWPT, MockCalls::dirty),
        CallKind.of(0, 5, IommufdCalls.HWPT, MockCalls::checkMap),
        CallKind.of(0, 3, IommufdCalls.HWPT, MockCalls::checkIotlb),
        CallKind.of(0, 5, IommufdCalls.DEVICE, MockCalls::fault),
        CallKind.of(0, 1, IommufdCalls.IOAS, MockCalls::reserve),
        CallKind.of(0, 1, IommufdCalls.IOMMUFD, MockCalls::unknown));
  }

  private static Call test(Draw draw, String name, Argument fd, int op, Argument id) {
    Call call = Call.ioctl("IOMMU_TEST_CMD " + name, IOMMU_TEST_CMD, fd);
    return IommufdCalls.sized(draw, call, SIZEOF)
        .u32("op", OP, op)
        .u32("id", ID, id)
        .area(0, SIZEOF);
  }

  private static Call make(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    boolean flags = draw.chance(30);
    String kind = draw.chance(75) ? IommufdCalls.IOAS : IommufdCalls.HWPT;
    Argument from = world.id(draw, fd.handle(), kind);
    Handle made = world.handle(MOCK).ownedBy(fd.handle());
    Handle device = world.handle(IommufdCalls.DEVICE).ownedBy(fd.handle());
    Handle hwpt = world.handle(IommufdCalls.HWPT).ownedBy(fd.handle());
    boolean automatic = from.handle() != null && from.handle().kind().equals(IommufdCalls.IOAS);
    hwpt.partner(automatic ? from.handle() : null);
    made.partner(device);
    String name = flags ? "MOCK_DOMAIN_FLAGS" : "MOCK_DOMAIN";
    return test(draw, name, fd, flags ? MOCK_DOMAIN_FLAGS : MOCK_DOMAIN, from)
        .makesId(made, UNION)
        .makesId(hwpt, UNION + 4)
        .makesId(device, UNION + 8)
        .u32("dev_flags", UNION + 12, draw.mostly(flags ? NO_DIRTY : 0, UNKNOWN_FLAG));
  }

  private static Call replace(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument mock = world.id(draw, fd.handle(), draw.chance(96) ? MOCK : IommufdCalls.DEVICE);
    String kind = draw.chance(70) ? IommufdCalls.HWPT : IommufdCalls.IOAS;
    Argument to = world.id(draw, fd.handle(), draw.chance(97) ? kind : IommufdCalls.DEVICE);
    return test(draw, "MOCK_DOMAIN_REPLACE", fd, MOCK_DOMAIN_REPLACE, mock).u32("pt_id", UNION, to);
  }

  private static Call destroy(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument mock = world.id(draw, fd.handle(), MOCK);
    return IommufdCalls.destroy(draw, fd, mock)
        .learn(
            () -> {
              if (mock.handle() != null && mock.handle().partner() != null) {
                mock.handle().partner().end();
              }
            });
  }

  private static Call dirty(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument hwpt = HwptCalls.tracked(draw, world, fd.handle());
    Handle space = hwpt.handle() == null ? null : hwpt.handle().partner();
    Handle.Range range = Iovas.range(draw, space);
    long length =
        Long.compareUnsigned(range.length(), MOST_BITS * IO_PAGE) < 0 ? range.length() : IO_PAGE;
    Call call =
        test(draw, "DIRTY", fd, DIRTY, hwpt)
            .u64("iova", UNION + 8, range.iova())
            .u64("length", UNION + 16, draw.mostly(length, -IO_PAGE))
            .u64("page_size", UNION + 24, draw.mostly((long) IO_PAGE, 2L * IO_PAGE, 0L));
    if (draw.chance(3)) {
      return call.u64("uptr", UNION + 32, draw.of(0L, Iovas.PAGE));
    }
    return call.pointer("uptr", UNION + 32, IommufdCalls.ARRAY)
        .u64("bits", IommufdCalls.ARRAY, draw.of(-1L, 1L, draw.bits()));
  }

  private static Call checkMap(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument hwpt = HwptCalls.table(draw, world, fd.handle());
    Handle space = hwpt.handle() == null ? null : hwpt.handle().partner();
    Handle.Range range = Iovas.range(draw, space);
    boolean known = range.memory() != null && draw.chance(90);
    boolean much = Long.compareUnsigned(range.length(), MOST_BITS * Iovas.PAGE) > 0;
    Argument memory = known ? range.memory() : Iovas.memory(draw, world, IO_PAGE);
    return test(draw, "MD_CHECK_MAP", fd, MD_CHECK_MAP, hwpt)
        .u64("iova", UNION, range.iova())
        .u64("length", UNION + 8, much || !known ? IO_PAGE : range.length())
        .u64("uptr", UNION + 16, memory);
  }

  private static Call checkIotlb(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    return fd == null
        ? null
        : test(
                draw,
                "MD_CHECK_IOTLB",
                fd,
                MD_CHECK_IOTLB,
                HwptCalls.table(draw, world, fd.handle()))
            .u32("iotlb_id", UNION, draw.mostly(draw.below(4), 4, -1))
            .u32("iotlb", UNION + 4, draw.of(0, 1, 2));
  }

  private static Call fault(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument device = world.id(draw, fd.handle(), IommufdCalls.DEVICE);
    return test(draw, "TRIGGER_IOPF", fd, TRIGGER_IOPF, Argument.of(0))
        .u32("dev_id", UNION, device)
        .u32("pasid", UNION + 4, draw.mostly(draw.of(0, 0, 0, 1), -1))
        .u32("grpid", UNION + 8, draw.below(4))
        .u32("perm", UNION + 12, draw.below(16))
        .u64("addr", UNION + 16, draw.bits());
  }

  /** It stays for as long as the IOAS. */
  private static Call reserve(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null || draw.chance(50)) {
      return null;
    }
    Argument ioas = world.id(draw, fd.handle(), IommufdCalls.IOAS);
    return test(draw, "ADD_RESERVED", fd, ADD_RESERVED, ioas)
        .u64("start", UNION, Iovas.any(draw, ioas.handle()))
        .u64("length", UNION + 8, draw.of(Iovas.PAGE, IO_PAGE, 1L, 0L, -1L));
  }

  private static Call unknown(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    return fd == null
        ? null
        : test(draw, "of later", fd, draw.of(0, 16, 17, 18, UNKNOWN_OP), Argument.of(0));
  }
}
