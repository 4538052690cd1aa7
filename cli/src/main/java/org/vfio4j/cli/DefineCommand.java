// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cli;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.vfio4j.mdev.MdevDefinition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code vfio4j mdev define}. */
@Command(
    name = "define",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a definition, and prints its UUID. Nothing is started.",
      "Neither the parent nor the type need be there."
    })
final class DefineCommand implements Callable<Integer> {
  @ParentCommand private MdevCommand mdev;

  @Parameters(paramLabel = "PARENT", description = "its parent")
  private String parent;

  @Parameters(paramLabel = "TYPE", description = "its type")
  private String type;

  @Option(names = "--uuid", paramLabel = "UUID", description = "its UUID (default: random)")
  private UUID uuid;

  @Option(names = "--auto", description = "to be started as soon as its parent is there")
  private boolean auto;

  @Option(
      names = "--attribute",
      paramLabel = "NAME=VALUE",
      description = "written once the device is there; may be given more than once")
  private List<AttributeArgument> attributes = List.of();

  @Override
  public Integer call() {
    MdevDefinition definition =
        MdevDefinition.of(parent, uuid == null ? UUID.randomUUID() : uuid, type)
            .withAutostart(auto);
    for (AttributeArgument attribute : attributes) {
      definition = definition.withAttribute(attribute.name(), attribute.value());
    }
    mdev.definitions().define(definition);
    return mdev.print(definition.uuid().toString());
  }
}
