// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cli;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.vfio4j.mdev.MdevDefinition;
import org.vfio4j.mdev.MdevDefinitions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code vfio4j mdev modify}. */
@Command(
    name = "modify",
    mixinStandardHelpOptions = true,
    description = "Changes a definition. A device that runs stays as it is.")
final class ModifyCommand implements Callable<Integer> {
  @ParentCommand private MdevCommand mdev;

  @Parameters(paramLabel = "PARENT", description = "its parent")
  private String parent;

  @Parameters(paramLabel = "UUID", description = "its UUID")
  private UUID uuid;

  @Option(names = "--type", paramLabel = "TYPE", description = "another type")
  private String type;

  @Option(
      names = "--auto",
      negatable = true,
      description = "to be started as soon as its parent is there, or by hand only")
  private Boolean auto;

  @Option(names = "--clear-attributes", description = "forgets those that it has")
  private boolean clear;

  @Option(
      names = "--attribute",
      paramLabel = "NAME=VALUE",
      description = "one more, behind the others; may be given more than once")
  private List<AttributeArgument> attributes = List.of();

  @Override
  public Integer call() {
    MdevDefinitions definitions = mdev.definitions();
    MdevDefinition definition = definitions.get(parent, uuid);
    if (type != null) {
      definition = definition.withType(type);
    }
    if (auto != null) {
      definition = definition.withAutostart(auto);
    }
    if (clear) {
      definition = definition.withAttributes(List.of());
    }
    for (AttributeArgument attribute : attributes) {
      definition = definition.withAttribute(attribute.name(), attribute.value());
    }
    definitions.modify(definition);
    return 0;
  }
}
