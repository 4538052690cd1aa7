// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.vfio4j.Errno;
import org.vfio4j.coverage.Inventory.Condition;
import org.vfio4j.coverage.Inventory.Constant;
import org.vfio4j.coverage.Inventory.Field;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Kind;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.coverage.Inventory.Payload;
import org.vfio4j.coverage.Inventory.Stream;
import org.vfio4j.memory.NativeBlock;

/**
 * What of the inventory the calls of a run show: which call was made, with which flags and numbers
 * in its argument and its answer, and which errno came back; each with the class of the test.
 *
 * <p>What is seen is named {@code VFIO_DEVICE_RESET} for a call that was answered with anything but
 * ENOTTY, {@code VFIO_DEVICE_RESET:EINVAL} for an errno, and by its name for a number, which counts
 * only where the call succeeded.
 *
 * <p>A call whose number others have too is known by the file that it is made on and by the class
 * of its argument.
 */
final class Sightings {
  private static final int ENOUGH = 20_000;
  private static final int LONGEST_CHAIN = 64;
  private static final int OFFSET_OF_DATA = 8;
  private static final int OFFSET_OF_NEXT = 4;
  private static final int LOW_16 = 0xffff;
  private static final String IOMMUFD = "iommufd";
  private static final String CONTAINER = "container";
  private static final String DEVICE = "device";
  private static final String CDEV = "cdev";
  private static final String GET_DEVICE_FD = "VFIO_GROUP_GET_DEVICE_FD";
  private static final String FEATURE = "vfio_device_feature";
  private static final String POWER = "VFIO_IOMMU_SPAPR_TCE";
  private static final String CAP_OFFSET = "cap_offset";

  private static final ClassValue<String> TAGS =
      new ClassValue<>() {
        @Override
        protected String computeValue(Class<?> type) {
          return tag(type.getSimpleName());
        }
      };

  private final Inventory inventory;
  private final Map<Integer, List<Ioctl>> byNumber = new HashMap<>();
  private final Map<String, List<Constant>> byPlace = new HashMap<>();
  private final Map<String, Payload> payloads = new HashMap<>();
  private final Map<String, List<Stream>> streams = new HashMap<>();
  private final Map<Integer, List<Stream>> open = new HashMap<>();

  /** What is open, by the descriptor, as far as its opening was seen. */
  private final Map<Integer, String> kinds = new HashMap<>();

  /** What was seen, by the test that showed it. */
  private final Map<String, Set<String>> seen = new TreeMap<>();

  private Set<String> current = new TreeSet<>();

  /** By the lower byte of the request and the errno, of the current test. */
  private final Map<Integer, Integer> calls = new HashMap<>();

  Sightings(Inventory inventory) {
    this.inventory = inventory;
    for (Ioctl ioctl : inventory.ioctls()) {
      byNumber.computeIfAbsent(ioctl.number(), n -> new ArrayList<>()).add(ioctl);
    }
    for (Constant constant : inventory.constants()) {
      for (String place : constant.places()) {
        byPlace.computeIfAbsent(place, p -> new ArrayList<>()).add(constant);
      }
    }
    for (Payload payload : inventory.payloads()) {
      payloads.put(payload.constant(), payload);
    }
    for (Stream stream : inventory.streams()) {
      streams.computeIfAbsent(stream.ioctl(), s -> new ArrayList<>()).add(stream);
    }
  }

  /** What is seen from here on is shown by this test. */
  synchronized void test(String name) {
    Set<String> next = seen.computeIfAbsent(name, n -> new TreeSet<>());
    if (next != current) {
      current = next;
      calls.clear();
    }
  }

  /** What is seen from here on shows nothing: what one run of it reaches, the next one may not. */
  synchronized void randomTest() {
    current = new TreeSet<>();
    calls.clear();
  }

  /** What was seen elsewhere, and is shown by the same test. */
  synchronized void shown(Set<String> names) {
    current.addAll(names);
  }

  /** What each test showed. */
  synchronized Map<String, Set<String>> all() {
    Map<String, Set<String>> all = new LinkedHashMap<>();
    seen.forEach((test, names) -> all.put(test, Set.copyOf(names)));
    return all;
  }

  /** A file was opened. */
  synchronized void opened(int fd, String path) {
    if (fd >= 0) {
      kinds.put(
          fd,
          switch (path) {
            case "/dev/iommu" -> IOMMUFD;
            case "/dev/vfio/vfio" -> CONTAINER;
            default ->
                path.startsWith("/dev/vfio/devices/")
                    ? CDEV
                    : path.startsWith("/dev/vfio/") ? "group" : "other";
          });
    }
  }

  /** Its number is given to other files, which have other things to read and write. */
  synchronized void closed(int fd) {
    open.remove(fd);
  }

  synchronized void duplicated(int copy, int fd) {
    if (copy >= 0 && kinds.containsKey(fd)) {
      kinds.put(copy, kinds.get(fd));
    }
  }

  /** A call with a number, or an address of whatever, for an argument. */
  synchronized void ioctl(int fd, int request, long argument, int result) {
    if (isEnough(request, result)) {
      return;
    }
    List<Ioctl> candidates = withoutPower(candidates(fd, request));
    for (Ioctl ioctl : candidates) {
      boolean alone = candidates.size() == 1;
      if (alone || ioctl.argument().equals("none")) {
        answered(ioctl, result);
        for (Constant constant : byPlace.getOrDefault(ioctl.name(), List.of())) {
          if (constant.value() == argument && result >= 0) {
            current.add(constant.name());
          }
        }
      }
    }
  }

  /** A call with a block for an argument, as it was left. */
  synchronized void ioctl(int fd, int request, NativeBlock argument, int result) {
    if (isEnough(request, result)) {
      return;
    }
    String tag = TAGS.get(argument.getClass());
    boolean bare = inventory.struct(tag) == null;
    List<Ioctl> candidates = candidates(fd, request);
    if (bare) {
      candidates = withoutPower(candidates);
    }
    for (Ioctl ioctl : candidates) {
      boolean fits =
          ioctl.argument().equals(tag)
              || (bare && (candidates.size() == 1 || ioctl.argument().equals("pointer")));
      if (fits) {
        answered(ioctl, result);
        Layout layout = inventory.struct(ioctl.argument());
        if (layout != null && result >= 0) {
          View view = new View(argument, 0, argument.capacity());
          struct(layout, view);
          capabilities(layout, view);
          feature(layout, view);
          opened(ioctl, layout, view);
        }
        if (ioctl.name().equals(GET_DEVICE_FD) && result >= 0) {
          kinds.put(result, DEVICE);
        }
      }
    }
  }

  /** No kernel here has the calls of POWER servers, whose numbers are those of others too. */
  private static List<Ioctl> withoutPower(List<Ioctl> candidates) {
    List<Ioctl> others =
        candidates.stream().filter(ioctl -> !ioctl.config().equals(POWER)).toList();
    return others.isEmpty() ? candidates : others;
  }

  /** The calls that this may be, by the file that it is made on, if that is known. */
  private List<Ioctl> candidates(int fd, int request) {
    List<Ioctl> all = byNumber.getOrDefault(request, List.of());
    String kind = kinds.get(fd);
    if (kind == null || all.size() == 1) {
      return all;
    }
    return all.stream()
        .filter(
            ioctl ->
                switch (ioctl.file()) {
                  case CONTAINER -> kind.equals(CONTAINER) || kind.equals(IOMMUFD);
                  case DEVICE, CDEV -> kind.equals(DEVICE) || kind.equals(CDEV);
                  default -> ioctl.file().equals(kind) || ioctl.file().equals("migration");
                })
        .toList();
  }

  /** What was read from, or written to, a file. */
  synchronized void transferred(int fd, NativeBlock bytes, long length, boolean read) {
    for (Stream stream : open.getOrDefault(fd, List.of())) {
      Layout layout = inventory.struct(stream.tag());
      boolean written = stream.tag().endsWith("response");
      if (written == read || length <= 0 || length % layout.size() != 0) {
        continue;
      }
      for (int at = 0; at < length; at += layout.size()) {
        struct(layout, new View(bytes, at, layout.size()));
      }
    }
  }

  /** Tests that call without end would wait for the recorder. */
  private boolean isEnough(int request, int result) {
    int kind = (request & 0xff) << Short.SIZE | -Math.min(0, result);
    return calls.merge(kind, 1, Integer::sum) > ENOUGH;
  }

  private void answered(Ioctl ioctl, int result) {
    if (!Errno.ENOTTY.is(result)) {
      current.add(ioctl.name());
    }
    if (result < 0) {
      current.add(ioctl.name() + ":" + Errno.ofResult(result));
    }
  }

  private void struct(Layout layout, View view) {
    for (Field field : layout.fields()) {
      List<Constant> constants = byPlace.getOrDefault(layout.tag() + "." + field.name(), List.of());
      if (constants.isEmpty() || !view.holds(field.offset(), field.width())) {
        continue;
      }
      long value = view.get(field.offset(), field.width());
      for (Constant constant : constants) {
        if (isIn(constant, value) && isMet(constant.condition(), layout, view)) {
          current.add(constant.name());
          pointedTo(constant, layout, view);
        }
      }
    }
  }

  private static boolean isMet(Condition condition, Layout layout, View view) {
    if (condition == null) {
      return true;
    }
    Field field = layout.field(condition.field());
    return view.holds(field.offset(), field.width())
        && view.get(field.offset(), field.width()) == condition.value();
  }

  private static boolean isIn(Constant constant, long value) {
    return switch (constant.kind()) {
      case BITS -> (value & constant.value()) != 0;
      case LOW16 -> (value & LOW_16) == constant.value();
      default -> value == constant.value();
    };
  }

  private void capabilities(Layout layout, View view) {
    Field first = layout.field(CAP_OFFSET);
    if (first == null || !view.holds(first.offset(), first.width())) {
      return;
    }
    int at = (int) view.get(first.offset(), first.width());
    for (int i = 0; i < LONGEST_CHAIN && at != 0 && view.holds(at, OFFSET_OF_DATA); i++) {
      long id = view.get(at, Short.BYTES);
      for (Constant constant : byPlace.getOrDefault(layout.tag(), List.of())) {
        if (constant.kind() == Kind.CAPABILITY && constant.value() == id) {
          current.add(constant.name());
          Payload payload = payloads.get(constant.name());
          if (payload != null) {
            struct(inventory.struct(payload.tag()), view.from(at));
          }
        }
      }
      at = (int) view.get(at + OFFSET_OF_NEXT, Integer.BYTES);
    }
  }

  /** The data of a feature, which follows; a probe has none. */
  private void feature(Layout layout, View view) {
    if (!layout.tag().equals(FEATURE)) {
      return;
    }
    long flags = view.get(layout.field("flags").offset(), Integer.BYTES);
    boolean probe = (flags & inventory.constant("VFIO_DEVICE_FEATURE_PROBE").value()) != 0;
    for (Constant constant : byPlace.get(FEATURE + ".flags")) {
      Payload payload = payloads.get(constant.name());
      if (payload != null && constant.value() == (flags & LOW_16) && !probe) {
        struct(inventory.struct(payload.tag()), view.from(OFFSET_OF_DATA));
      }
    }
  }

  private void pointedTo(Constant constant, Layout layout, View view) {
    Payload payload = payloads.get(constant.name());
    Field field = payload == null ? null : layout.field(payload.pointer());
    if (field == null || !view.holds(field.offset(), field.width())) {
      return;
    }
    long address = view.get(field.offset(), field.width());
    Layout target = inventory.struct(payload.tag());
    byte[] bytes = memory(address, target.size());
    if (bytes != null) {
      NativeBlock copy = new NativeBlock(target.size());
      copy.put(0, bytes);
      struct(target, new View(copy, 0, target.size()));
    }
  }

  /** Null where there is no memory. */
  private static byte[] memory(long address, int length) {
    if (address <= 0) {
      return null;
    }
    byte[] bytes = new byte[length];
    try (RandomAccessFile file = new RandomAccessFile("/proc/self/mem", "r")) {
      file.seek(address);
      file.readFully(bytes);
      return bytes;
    } catch (IOException e) {
      return null;
    }
  }

  private void opened(Ioctl ioctl, Layout layout, View view) {
    for (Stream stream : streams.getOrDefault(ioctl.name(), List.of())) {
      Field field = layout.field(stream.field());
      open.put((int) view.get(field.offset(), field.width()), streams.get(ioctl.name()));
    }
  }

  /** VfioIommuType1Info is vfio_iommu_type1_info. */
  private static String tag(String name) {
    return name.replaceAll("(?<!^)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  /** A struct somewhere in a block. */
  private record View(NativeBlock block, int start, int length) {
    boolean holds(int offset, int width) {
      return offset >= 0 && offset <= length - width && width > 0 && width <= Long.BYTES;
    }

    long get(int offset, int width) {
      int at = start + offset;
      return switch (width) {
        case Byte.BYTES -> Byte.toUnsignedLong(block.getByte(at));
        case Short.BYTES -> Short.toUnsignedLong(block.getShort(at));
        case Integer.BYTES -> Integer.toUnsignedLong(block.getInt(at));
        default -> block.getLong(at);
      };
    }

    View from(int offset) {
      return new View(block, start + offset, length - offset);
    }
  }
}
