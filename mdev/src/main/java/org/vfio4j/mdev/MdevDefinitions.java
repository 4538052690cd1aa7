// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * The definitions of {@code mdevctl}: files {@code PARENT/UUID} in a folder, so that both see the
 * same devices.
 *
 * <p>Files are written whole: whatever happens meanwhile, there is the old one or the new one. What
 * is a link below the folder is not followed. The scripts of mdevctl are not run. Thread safe; of
 * two writers of the same file, the last one wins.
 */
public final class MdevDefinitions {
  /** Where mdevctl has them. */
  public static final Path PLACE = Path.of("/etc/mdevctl.d");

  /** mdevctl's own, beside the folders of parents. */
  private static final String SCRIPTS = "scripts.d";

  private final MdevBus bus;
  private final ConfigFiles files;

  MdevDefinitions(MdevBus bus, ConfigFiles files) {
    this.bus = bus;
    this.files = files;
  }

  /** Those in {@link #PLACE}. */
  public static MdevDefinitions of(MdevBus bus) {
    return at(bus, PLACE);
  }

  /** Those in another folder, which is made when something is written. */
  public static MdevDefinitions at(MdevBus bus, Path folder) {
    return new MdevDefinitions(bus, new ConfigFolder(folder));
  }

  /**
   * What a folder of definitions holds.
   *
   * @param definitions by parent and UUID
   * @param broken what is wrong with files that are no definitions, although they are named so
   */
  public record Listing(List<MdevDefinition> definitions, List<VfioException> broken) {
    public Listing {
      definitions = List.copyOf(definitions);
      broken = List.copyOf(broken);
    }
  }

  /**
   * What came of starting a definition.
   *
   * @param failure empty where the device is there
   */
  public record Started(MdevDefinition definition, Optional<VfioException> failure) {}

  /** All there are. */
  public Listing list() {
    List<MdevDefinition> definitions = new ArrayList<>();
    List<VfioException> broken = new ArrayList<>();
    try {
      for (String parent : files.folders()) {
        if (parent.equals(SCRIPTS) || parent.startsWith(".")) {
          continue;
        }
        list(parent, definitions, broken);
      }
    } catch (IOException e) {
      throw failed("list", "of definitions in " + files, e);
    }
    return new Listing(definitions, broken);
  }

  /** Those of a parent. */
  public Listing list(String parent) {
    Names.checked("parent", parent);
    List<MdevDefinition> definitions = new ArrayList<>();
    List<VfioException> broken = new ArrayList<>();
    try {
      if (files.folders().contains(parent)) {
        list(parent, definitions, broken);
      }
    } catch (IOException e) {
      throw failed("list", "of definitions in " + files + "/" + parent, e);
    }
    return new Listing(definitions, broken);
  }

  private void list(String parent, List<MdevDefinition> definitions, List<VfioException> broken)
      throws IOException {
    for (String name : files.files(parent)) {
      Optional<UUID> uuid = Names.uuid(name);
      if (uuid.isPresent()) {
        try {
          definitions.add(read(parent, uuid.get()));
        } catch (VfioException e) {
          broken.add(e);
        }
      }
    }
  }

  private MdevDefinition read(String parent, UUID uuid) {
    try {
      String text = new String(files.read(parent, Names.text(uuid)), StandardCharsets.UTF_8);
      return MdevDefinition.parse(parent, uuid, text);
    } catch (IOException e) {
      throw failed("read", name(parent, uuid), e);
    }
  }

  /**
   * The definition of a device. There may be one with the same UUID for another parent.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE} where there is none, {@link
   *     Reason#INVALID_ARGUMENT} when the file is none)
   */
  public MdevDefinition get(String parent, UUID uuid) {
    Names.checked("parent", parent);
    return read(parent, uuid);
  }

  /** As {@link #get}, empty where there is none. */
  public Optional<MdevDefinition> find(String parent, UUID uuid) {
    Names.checked("parent", parent);
    return isDefined(parent, uuid) ? Optional.of(read(parent, uuid)) : Optional.empty();
  }

  private boolean isDefined(String parent, UUID uuid) {
    try {
      return files.folders().contains(parent) && files.files(parent).contains(Names.text(uuid));
    } catch (IOException e) {
      throw failed("list", "of definitions in " + files + "/" + parent, e);
    }
  }

  /**
   * Writes a definition that is not there yet. Neither its parent nor its type need be.
   *
   * @throws VfioException ({@link Reason#ALREADY_EXISTS}, {@link Reason#NO_PERMISSION}, {@link
   *     Reason#LIMIT} when the disk is full)
   */
  public void define(MdevDefinition definition) {
    if (isDefined(definition.parent(), definition.uuid())) {
      throw VfioException.failed(Reason.ALREADY_EXISTS, "define")
          .on(name(definition))
          .fact("there is a definition of this parent and UUID already")
          .hint("modify it")
          .build();
    }
    write("define", definition);
  }

  /**
   * Writes a definition over the one that is there. A running device is not changed by it.
   *
   * @throws VfioException as {@link #define}; {@link Reason#NO_SUCH_DEVICE} where there is none
   */
  public void modify(MdevDefinition definition) {
    if (!isDefined(definition.parent(), definition.uuid())) {
      throw notDefined("modify", definition.parent(), definition.uuid());
    }
    write("modify", definition);
  }

  private void write(String operation, MdevDefinition definition) {
    byte[] content = definition.toJson().getBytes(StandardCharsets.UTF_8);
    try {
      new AtomicWrite(files).write(definition.parent(), Names.text(definition.uuid()), content);
    } catch (IOException e) {
      throw failed(operation, name(definition), e);
    }
  }

  /**
   * Forgets a definition. A running device stays.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE} where there is none)
   */
  public void undefine(String parent, UUID uuid) {
    Names.checked("parent", parent);
    if (!isDefined(parent, uuid)) {
      throw notDefined("undefine", parent, uuid);
    }
    try {
      files.delete(parent, Names.text(uuid));
      files.force(parent);
    } catch (IOException e) {
      throw failed("undefine", name(parent, uuid), e);
    }
  }

  /**
   * Creates the device of a definition, and writes its attributes in their order. If one of them is
   * refused, the device is removed again.
   *
   * @throws VfioException as {@link MdevType#create(UUID)} and {@link Mdev#setAttribute}
   */
  public Mdev start(MdevDefinition definition) {
    Mdev mdev = bus.parent(definition.parent()).type(definition.type()).create(definition.uuid());
    try {
      definition
          .attributes()
          .forEach(attribute -> mdev.setAttribute(attribute.name(), attribute.value()));
      return mdev;
    } catch (VfioException e) {
      try {
        mdev.remove();
      } catch (VfioException alsoRefused) {
        e.addSuppressed(alsoRefused);
      }
      throw e;
    }
  }

  /**
   * Removes the device of a definition; see {@link Mdev#remove()}.
   *
   * @throws VfioException as there; {@link Reason#NO_SUCH_DEVICE} too when the UUID is that of a
   *     device of another parent
   */
  public void stop(MdevDefinition definition) {
    Mdev mdev = bus.device(definition.uuid());
    if (!mdev.parent().name().equals(definition.parent())) {
      throw VfioException.failed(Reason.NO_SUCH_DEVICE, "stop")
          .on(name(definition))
          .fact("the device with this UUID is one of " + mdev.parent())
          .build();
    }
    mdev.remove();
  }

  /** Whether there is a device as this one defines it, but for its attributes. */
  public boolean isActive(MdevDefinition definition) {
    return bus.find(definition.uuid())
        .filter(mdev -> mdev.parent().name().equals(definition.parent()))
        .filter(mdev -> mdev.type().name().equals(definition.type()))
        .isPresent();
  }

  /**
   * Starts what is to be started with a parent that is there now, and is not running yet: one after
   * the other, whatever comes of the others.
   */
  public List<Started> autostart(String parent) {
    List<Started> started = new ArrayList<>();
    for (MdevDefinition definition : list(parent).definitions()) {
      if (definition.isAutostart() && !isActive(definition)) {
        try {
          start(definition);
          started.add(new Started(definition, Optional.empty()));
        } catch (VfioException e) {
          started.add(new Started(definition, Optional.of(e)));
        }
      }
    }
    return List.copyOf(started);
  }

  /** As {@link #autostart(String)}, with every parent that is there now. */
  public List<Started> autostart() {
    return bus.parents().stream().flatMap(parent -> autostart(parent.name()).stream()).toList();
  }

  private VfioException notDefined(String operation, String parent, UUID uuid) {
    return VfioException.failed(Reason.NO_SUCH_DEVICE, operation)
        .on(name(parent, uuid))
        .fact("there is no such file in " + files)
        .build();
  }

  private static String name(MdevDefinition definition) {
    return name(definition.parent(), definition.uuid());
  }

  private static String name(String parent, UUID uuid) {
    return "of definition " + parent + "/" + uuid;
  }

  private static VfioException failed(String operation, String object, IOException cause) {
    Reason reason = Reason.OTHER;
    if (cause instanceof AccessDeniedException) {
      reason = Reason.NO_PERMISSION;
    } else if (cause instanceof NoSuchFileException) {
      reason = Reason.NO_SUCH_DEVICE;
    } else if (cause instanceof FileSystemException full && isFull(full.getReason())) {
      reason = Reason.LIMIT;
    } else if (isFull(cause.getMessage())) {
      reason = Reason.LIMIT;
    }
    return VfioException.failed(reason, operation)
        .on(object)
        .fact(cause.toString())
        .cause(cause)
        .build();
  }

  /** The JDK has no exception of its own for it. */
  private static boolean isFull(String message) {
    return message != null && message.contains("No space left on device");
  }
}
