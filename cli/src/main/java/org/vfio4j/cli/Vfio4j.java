// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cli;

import java.io.PrintWriter;
import java.util.UUID;
import org.vfio4j.VfioException;
import org.vfio4j.linux.Kernel;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/** The command line. {@code vfio4j help} says what there is. */
@Command(
    name = "vfio4j",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Device assignment of Linux, as a person asks for it.",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:all went well",
      "1:the kernel, or what it has, refused",
      "2:wrong usage",
    })
public final class Vfio4j {
  static final int REFUSED = 1;

  private static final int UUID_LENGTH = 36;

  private final Kernel kernel;

  Vfio4j(Kernel kernel) {
    this.kernel = kernel;
  }

  Kernel kernel() {
    return kernel;
  }

  public static void main(String[] arguments) {
    System.exit(commandLine(Kernel.host()).execute(arguments));
  }

  /** For this kernel: under test, a fake one. */
  static CommandLine commandLine(Kernel kernel) {
    return new CommandLine(new Vfio4j(kernel))
        .addSubcommand(new MdevCommand())
        .registerConverter(UUID.class, Vfio4j::uuid)
        .registerConverter(AttributeArgument.class, AttributeArgument::parse)
        .setExecutionExceptionHandler(Vfio4j::refused);
  }

  /** As the kernel takes it: the JDK reads shorter ones too, and makes others of them. */
  private static UUID uuid(String text) {
    if (text.length() != UUID_LENGTH) {
      throw new TypeConversionException("'" + text + "' is not a UUID of 36 characters");
    }
    return UUID.fromString(text);
  }

  /** What the library says is for people: no stack trace. */
  private static int refused(Exception failure, CommandLine command, ParseResult parsed)
      throws Exception {
    if (!(failure instanceof VfioException refusal)) {
      throw failure;
    }
    tell(command, refusal);
    return REFUSED;
  }

  static void tell(CommandLine command, VfioException refusal) {
    PrintWriter err = command.getErr();
    err.println("vfio4j: " + refusal.getMessage());
    err.flush();
  }
}
