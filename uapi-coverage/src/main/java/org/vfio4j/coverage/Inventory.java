// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.vfio4j.Errno;

/** The user API of VFIO and iommufd: {@code uapi.txt}, whose head says how it is written. */
public final class Inventory {
  private static final String FILE = "uapi.txt";

  /** What every call of iommufd answers to a malformed argument. */
  private static final List<Errno> COMMON = List.of(Errno.EFAULT, Errno.EINVAL, Errno.E2BIG);

  /** The release with the first calls of iommufd; later ones are unknown to earlier kernels. */
  private static final Release FIRST_IOMMUFD = new Release(6, 2, true);

  /** Where numbers occur. */
  public enum Kind {
    /** Bits of a field. */
    BITS,
    /** The value of a field. */
    VALUE,
    /** The value of the lower 16 bits of a field. */
    LOW16,
    /** The id of a capability behind a struct. */
    CAPABILITY,
    /** The argument of an ioctl. */
    ARGUMENT,
    /** What a field asks about. */
    INDEX,
    /** Nowhere that can be seen in a call. */
    PLAIN
  }

  /**
   * A call.
   *
   * @param file the kind of open file that it is made on
   * @param config the option of the kernel that it needs, without {@code CONFIG_}
   * @param argument the tag of a struct, {@code number}, {@code pointer} or {@code none}
   * @param errnos what it answers for which reasons of its own, in the order of the text
   */
  public record Ioctl(
      String name,
      int number,
      String file,
      Release since,
      String config,
      String argument,
      List<Errno> errnos) {}

  /** A struct, with the size of the newest kernel, in bytes. */
  public record Layout(String tag, int size, Release since, List<Field> fields) {
    /** Null where there is none. */
    public Field field(String name) {
      return fields.stream().filter(field -> field.name().equals(name)).findFirst().orElse(null);
    }
  }

  /**
   * A field.
   *
   * @param offset in bytes
   * @param width in bytes; 0 for an array without a length
   */
  public record Field(String name, int offset, int width, Release since) {}

  /**
   * A macro or enumerator.
   *
   * @param places {@code struct.field}, a struct or an ioctl, by the kind
   * @param condition where it is not for all values of another field of the struct; may be null
   */
  public record Constant(
      String name,
      long value,
      Release since,
      Kind kind,
      List<String> places,
      Condition condition) {}

  /** Of a struct: a field that has a value. */
  public record Condition(String field, long value) {
    private static Condition of(String text) {
      String[] words = text.split("=");
      return new Condition(words[0], Long.decode(words[1]));
    }
  }

  /**
   * A struct that comes with a number.
   *
   * @param pointer the field that points to it; empty where it follows
   */
  public record Payload(String tag, String constant, String pointer) {}

  /**
   * What is read from or written to a file that a call gives.
   *
   * @param field of the call's argument, with the descriptor
   */
  public record Stream(String tag, String ioctl, String field) {}

  private final List<Payload> payloads = new ArrayList<>();
  private final List<Stream> streams = new ArrayList<>();
  private final Map<String, Ioctl> ioctls = new LinkedHashMap<>();
  private final Map<String, Layout> structs = new LinkedHashMap<>();
  private final Map<String, Constant> constants = new LinkedHashMap<>();

  private Inventory() {}

  /** The one of this project. */
  public static Inventory load() {
    try (InputStream in = Inventory.class.getResourceAsStream(FILE)) {
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Throws {@link IllegalArgumentException} where the text is wrong. */
  static Inventory parse(String text) {
    Inventory inventory = new Inventory();
    List<String[]> block = new ArrayList<>();
    for (String line : (text + "\nend").lines().toList()) {
      String content = line.replaceFirst("#.*", "").stripTrailing();
      if (content.isBlank()) {
        continue;
      }
      if (!content.startsWith(" ") && !block.isEmpty()) {
        inventory.add(block);
        block.clear();
      }
      block.add(content.strip().split(" +"));
    }
    inventory.check();
    return inventory;
  }

  public List<Ioctl> ioctls() {
    return List.copyOf(ioctls.values());
  }

  public List<Layout> structs() {
    return List.copyOf(structs.values());
  }

  public List<Constant> constants() {
    return List.copyOf(constants.values());
  }

  public List<Payload> payloads() {
    return List.copyOf(payloads);
  }

  public List<Stream> streams() {
    return List.copyOf(streams);
  }

  /** Null where there is none. */
  public Ioctl ioctl(String name) {
    return ioctls.get(name);
  }

  /** Null where there is none. */
  public Layout struct(String tag) {
    return structs.get(tag);
  }

  /** Null where there is none. */
  public Constant constant(String name) {
    return constants.get(name);
  }

  private void add(List<String[]> block) {
    String[] head = block.get(0);
    switch (head[0]) {
      case "ioctl" -> addIoctl(head);
      case "struct" -> addStruct(head, block.subList(1, block.size()));
      case "numbers" -> addConstants(head, block.subList(1, block.size()));
      case "payload" -> payloads.add(new Payload(head[1], head[2], head.length > 3 ? head[3] : ""));
      case "stream" -> streams.add(new Stream(head[1], head[2], head[3]));
      default -> throw new IllegalArgumentException("not an entry: " + String.join(" ", head));
    }
  }

  private void addIoctl(String[] words) {
    if (words.length < 7) {
      throw new IllegalArgumentException("too short: " + String.join(" ", words));
    }
    Release since = Release.of(words[4]);
    List<Errno> errnos = new ArrayList<>();
    for (String word : Arrays.asList(words).subList(7, words.length)) {
      if (word.equals("common")) {
        errnos.addAll(COMMON);
        if (since.compareTo(FIRST_IOMMUFD) > 0) {
          errnos.add(Errno.ENOTTY);
        }
      } else {
        errnos.add(Errno.valueOf(word));
      }
    }
    int number = Integer.decode(words[2]);
    Ioctl ioctl =
        new Ioctl(words[1], number, words[3], since, words[5], words[6], List.copyOf(errnos));
    unique(ioctls.put(words[1], ioctl), words[1]);
  }

  private void addStruct(String[] head, List<String[]> lines) {
    Release since = Release.of(head[3]);
    List<Field> fields = new ArrayList<>();
    for (String[] line : lines) {
      for (String word : line) {
        String[] parts = word.split("[@/+]");
        fields.add(
            new Field(
                parts[0],
                Integer.parseInt(parts[1]),
                Integer.parseInt(parts[2]),
                parts.length == 4 ? Release.of(parts[3]) : since));
      }
    }
    Layout layout = new Layout(head[1], Integer.parseInt(head[2]), since, List.copyOf(fields));
    unique(structs.put(head[1], layout), head[1]);
  }

  private void addConstants(String[] head, List<String[]> lines) {
    Kind kind = Kind.valueOf(head[1].toUpperCase(Locale.ROOT));
    List<String> places = new ArrayList<>();
    Condition condition = null;
    for (String word : List.of(head).subList(2, head.length)) {
      String[] parts = word.split("\\?");
      places.add(parts[0]);
      if (parts.length > 1) {
        condition = Condition.of(parts[1]);
      }
    }
    for (String[] line : lines) {
      Release since = Release.of(line[2]);
      Constant constant =
          new Constant(line[0], Long.decode(line[1]), since, kind, List.copyOf(places), condition);
      unique(constants.put(line[0], constant), line[0]);
    }
  }

  private static void unique(Object previous, String name) {
    if (previous != null) {
      throw new IllegalArgumentException("twice: " + name);
    }
  }

  /** That what is referred to is there. */
  private void check() {
    Set<String> unknown = new TreeSet<>();
    for (Ioctl ioctl : ioctls.values()) {
      if (!structs.containsKey(ioctl.argument())
          && !List.of("number", "pointer", "none").contains(ioctl.argument())) {
        unknown.add(ioctl.argument());
      }
    }
    for (Constant constant : constants.values()) {
      for (String place : constant.places()) {
        if (!isKnown(constant.kind(), place)) {
          unknown.add(place);
        }
      }
    }
    for (Payload payload : payloads) {
      if (!structs.containsKey(payload.tag()) || !constants.containsKey(payload.constant())) {
        unknown.add(payload.toString());
      }
    }
    for (Stream stream : streams) {
      Ioctl ioctl = ioctls.get(stream.ioctl());
      boolean known = ioctl != null && structs.get(ioctl.argument()).field(stream.field()) != null;
      if (!structs.containsKey(stream.tag()) || !known) {
        unknown.add(stream.toString());
      }
    }
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException("referred to, but not there: " + unknown);
    }
  }

  private boolean isKnown(Kind kind, String place) {
    return switch (kind) {
      case ARGUMENT -> ioctls.containsKey(place);
      case CAPABILITY -> structs.containsKey(place);
      default -> {
        String[] parts = place.split("\\.");
        Layout layout = structs.get(parts[0]);
        yield layout != null && layout.field(parts[1]) != null;
      }
    };
  }
}
