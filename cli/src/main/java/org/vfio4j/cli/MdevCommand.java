// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cli;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevDefinition;
import org.vfio4j.mdev.MdevDefinitions;
import org.vfio4j.mdev.MdevParent;
import org.vfio4j.mdev.MdevType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code vfio4j mdev}: mediated devices. */
@Command(
    name = "mdev",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {DefineCommand.class, ModifyCommand.class},
    description = "Mediated devices: types, devices, and the definitions of mdevctl.")
final class MdevCommand {
  @ParentCommand private Vfio4j program;

  @Spec private CommandSpec spec;

  @Option(
      names = "--definitions",
      paramLabel = "FOLDER",
      description = "where the definitions are (default: /etc/mdevctl.d)")
  private Path folder = MdevDefinitions.PLACE;

  @Command(description = "What can be made, of which parent, and how many more.")
  int types(@Option(names = "--json", description = "as JSON") boolean json) {
    List<MdevType> types = new ArrayList<>();
    for (MdevParent parent : bus().parents()) {
      types.addAll(parent.types());
    }
    if (json) {
      JsonArray array = new JsonArray();
      for (MdevType type : types) {
        JsonObject object = new JsonObject();
        object.put("parent", type.parent().name());
        object.put("type", type.name());
        object.put("device_api", type.deviceApi());
        object.put("available_instances", type.availableInstances());
        object.put("name", type.prettyName());
        type.description().ifPresent(text -> object.put("description", text));
        array.add(object);
      }
      return printJson(array);
    }
    Table table = new Table("PARENT", "TYPE", "API", "LEFT", "NAME");
    for (MdevType type : types) {
      table.row(
          type.parent().name(),
          type.name(),
          type.deviceApi(),
          Integer.toString(type.availableInstances()),
          type.description().orElse(type.prettyName()));
    }
    return print(table);
  }

  @Command(description = "The devices there are, and who has them open.")
  int list(@Option(names = "--json", description = "as JSON") boolean json) {
    List<Mdev> devices = bus().devices();
    if (json) {
      JsonArray array = new JsonArray();
      for (Mdev mdev : devices) {
        JsonObject object = new JsonObject();
        object.put("uuid", mdev.uuid().toString());
        object.put("parent", mdev.parent().name());
        object.put("type", mdev.type().name());
        JsonArray holders = new JsonArray();
        mdev.holders().forEach(holder -> holders.add(holder.pid()));
        object.put("held_by", holders);
        array.add(object);
      }
      return printJson(array);
    }
    Table table = new Table("UUID", "PARENT", "TYPE", "HELD BY");
    for (Mdev mdev : devices) {
      List<String> holders = mdev.holders().stream().map(FileHolders.Holder::toString).toList();
      table.row(
          mdev.uuid().toString(),
          mdev.parent().name(),
          mdev.type().name(),
          holders.isEmpty() ? "-" : String.join(", ", holders));
    }
    return print(table);
  }

  @Command(description = "Creates a device, and prints its UUID.")
  int create(
      @Parameters(paramLabel = "PARENT", description = "its parent") String parent,
      @Parameters(paramLabel = "TYPE", description = "its type") String type,
      @Option(names = "--uuid", paramLabel = "UUID", description = "its UUID (default: random)")
          UUID uuid) {
    MdevType wanted = bus().parent(parent).type(type);
    Mdev mdev = uuid == null ? wanted.create() : wanted.create(uuid);
    return print(mdev.uuid().toString());
  }

  @Command(description = "Removes a device that nobody has open.")
  int remove(
      @Parameters(paramLabel = "UUID", description = "which") UUID uuid,
      @Option(
              names = "--timeout",
              paramLabel = "SECONDS",
              defaultValue = "10",
              description =
                  "how long to wait for a user that cannot be seen (default: ${DEFAULT-VALUE})")
          int seconds) {
    bus().device(uuid).remove(Duration.ofSeconds(seconds));
    return 0;
  }

  @Command(description = "The attributes that the driver of a device has added.")
  int attributes(
      @Parameters(paramLabel = "UUID", description = "of which device") UUID uuid,
      @Option(names = "--json", description = "as JSON") boolean json) {
    Mdev mdev = bus().device(uuid);
    Table table = new Table("ATTRIBUTE", "VALUE");
    JsonObject object = new JsonObject();
    for (String name : mdev.attributes()) {
      String value = readable(mdev, name);
      table.row(name, value == null ? "-" : value);
      object.put(name, value);
    }
    return json ? printJson(object) : print(table);
  }

  /** Null where it is for writing only. */
  private static String readable(Mdev mdev, String name) {
    try {
      return mdev.attribute(name);
    } catch (VfioException e) {
      if (e.reason() == Reason.NO_PERMISSION || e.reason() == Reason.REFUSED) {
        return null;
      }
      throw e;
    }
  }

  @Command(description = "Writes an attribute of a device.")
  int set(
      @Parameters(paramLabel = "UUID", description = "of which device") UUID uuid,
      @Parameters(paramLabel = "NAME=VALUE", description = "which, and what")
          AttributeArgument attribute) {
    bus().device(uuid).setAttribute(attribute.name(), attribute.value());
    return 0;
  }

  @Command(description = "The definitions that outlast a reboot, and which are active.")
  int defined(@Option(names = "--json", description = "as JSON") boolean json) {
    MdevDefinitions definitions = definitions();
    MdevDefinitions.Listing listing = definitions.list();
    listing.broken().forEach(broken -> spec.commandLine().getErr().println(broken.getMessage()));
    spec.commandLine().getErr().flush();
    if (json) {
      JsonArray array = new JsonArray();
      for (MdevDefinition definition : listing.definitions()) {
        JsonObject object = new JsonObject();
        object.put("uuid", definition.uuid().toString());
        object.put("parent", definition.parent());
        object.put("type", definition.type());
        object.put("autostart", definition.isAutostart());
        object.put("active", definitions.isActive(definition));
        JsonArray attributes = new JsonArray();
        for (MdevDefinition.Attribute attribute : definition.attributes()) {
          attributes.add(attribute.name() + "=" + attribute.value());
        }
        object.put("attributes", attributes);
        array.add(object);
      }
      return printJson(array);
    }
    Table table = new Table("UUID", "PARENT", "TYPE", "START", "ACTIVE");
    for (MdevDefinition definition : listing.definitions()) {
      table.row(
          definition.uuid().toString(),
          definition.parent(),
          definition.type(),
          definition.isAutostart() ? "auto" : "manual",
          definitions.isActive(definition) ? "yes" : "no");
    }
    return print(table);
  }

  @Command(description = "Starts the device of a definition.")
  int start(
      @Parameters(paramLabel = "PARENT", description = "its parent") String parent,
      @Parameters(paramLabel = "UUID", description = "its UUID") UUID uuid) {
    MdevDefinitions definitions = definitions();
    definitions.start(definitions.get(parent, uuid));
    return 0;
  }

  @Command(description = "Stops the device of a definition.")
  int stop(
      @Parameters(paramLabel = "PARENT", description = "its parent") String parent,
      @Parameters(paramLabel = "UUID", description = "its UUID") UUID uuid) {
    MdevDefinitions definitions = definitions();
    definitions.stop(definitions.get(parent, uuid));
    return 0;
  }

  @Command(description = "Starts what is defined to start by itself, and does not run yet.")
  int autostart(
      @Parameters(
              paramLabel = "PARENT",
              arity = "0..1",
              description = "of which parent (default: of all)")
          String parent) {
    MdevDefinitions definitions = definitions();
    int status = 0;
    for (MdevDefinitions.Started started :
        parent == null ? definitions.autostart() : definitions.autostart(parent)) {
      if (started.failure().isPresent()) {
        Vfio4j.tell(spec.commandLine(), started.failure().get());
        status = Vfio4j.REFUSED;
      } else {
        print(started.definition());
      }
    }
    return status;
  }

  @Command(description = "Forgets a definition. A device that runs stays.")
  int undefine(
      @Parameters(paramLabel = "PARENT", description = "its parent") String parent,
      @Parameters(paramLabel = "UUID", description = "its UUID") UUID uuid) {
    definitions().undefine(parent, uuid);
    return 0;
  }

  private MdevBus bus() {
    return MdevBus.of(program.kernel());
  }

  MdevDefinitions definitions() {
    return MdevDefinitions.at(bus(), folder);
  }

  private int printJson(Object json) {
    return print(JsonWriter.indent("  ").string().value(json).done());
  }

  int print(Object text) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(text);
    out.flush();
    return 0;
  }
}
