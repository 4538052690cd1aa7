// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonWriter;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.MigrationReport;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Drives an {@code edu} device in every mode of the kernel: of this machine, or of a fake one.
 * {@code ./demo} runs it.
 */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = "Drives QEMU's edu device through VFIO, in each mode that the kernel has.")
public final class Demo implements Callable<Integer> {
  private static final int TEN_FACTORIAL = 3628800;

  /** Not the whole 4096 of the device's buffer: QEMU 7.2 aborts on a transfer that fills it. */
  private static final int DMA_BYTES = 4000;

  @Parameters(index = "0", paramLabel = "ADDRESS", description = "PCI address of the edu device")
  private String address;

  @Option(names = "--mode", paramLabel = "NAME", description = "only this mode")
  private String onlyMode;

  @Option(
      names = "--json",
      description = "the table as JSON, on standard output; lines go to standard error")
  private boolean json;

  @Option(
      names = "--allow-absent",
      description = "a mode that the kernel does not have is no failure")
  private boolean allowAbsent;

  @Option(names = "--fake", description = "on a fake kernel, with an edu device at ADDRESS")
  private boolean fake;

  private Kernel kernel;

  Demo(Kernel kernel) {
    this.kernel = kernel;
  }

  public static void main(String[] args) {
    CommandLine commandLine = new CommandLine(new Demo(Kernel.host()));
    commandLine.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          command.getErr().println(e instanceof VfioException ? e.getMessage() : e.toString());
          return command.getCommandSpec().exitCodeOnExecutionException();
        });
    System.exit(commandLine.execute(args));
  }

  @Override
  public Integer call() {
    if (fake) {
      kernel =
          FakeKernel.of(
              KernelVersion.LINUX_6_12,
              machine -> machine.device(address, new EduModel()).inGroup(1).boundTo("vfio-pci"));
    }
    SysfsDevice edu = SysfsDevice.pci(kernel, PciAddress.of(address));
    List<VfioMode> modes = onlyMode == null ? VfioMode.all() : List.of(VfioMode.of(onlyMode));
    PrintStream progress = json ? System.err : System.out;
    List<ModeReport> reports = new ArrayList<>();
    for (VfioMode mode : modes) {
      Kernel used = mode.isBridged() ? CompatBridge.over(kernel, AssignmentPolicy.STAGE_1) : kernel;
      ModeReport report = drive(used, edu, mode);
      progress.println(report.line());
      reports.add(report);
      if (onlyMode != null && used instanceof CompatBridge bridge) {
        MigrationReport migration = bridge.migrationReport();
        report.migration(migration);
        progress.println();
        progress.println("What the calls of the group API became:");
        progress.println();
        progress.print(migration);
      }
    }
    if (json) {
      JsonArray rows = new JsonArray();
      reports.forEach(report -> rows.add(report.json()));
      System.out.println(JsonWriter.indent("  ").string().value(rows).done());
    } else {
      System.out.println();
      System.out.println(ModeReport.HEADER);
      reports.forEach(report -> System.out.println(report.row()));
    }
    boolean good = reports.stream().allMatch(r -> r.isOk() || (allowAbsent && r.isAbsent()));
    return good && reports.stream().anyMatch(ModeReport::isOk) ? 0 : 1;
  }

  /** Opens, uses and closes the device; what went wrong is in the report. */
  static ModeReport drive(Kernel kernel, SysfsDevice device, VfioMode mode) {
    ModeReport report = new ModeReport(mode);
    try {
      report.guard(touchUnbound(kernel, device, mode));
      try (AssignedDevice assigned =
              AssignedDevice.open(kernel, mode, PciAddress.of(device.name()));
          EduDriver edu = new EduDriver(assigned.device())) {
        report.identification(edu.identification());
        report.factorial(edu.factorial(10), TEN_FACTORIAL);
        byte[] sent = pattern();
        report.dma(sent.length, Arrays.equals(sent, edu.thereAndBack(assigned.dma(), sent)));
      }
      report.passed();
    } catch (VfioException | IllegalStateException e) {
      report.failed(e);
    }
    return report;
  }

  /** What one is told who uses the device before it has an address space. */
  private static VfioException touchUnbound(Kernel kernel, SysfsDevice device, VfioMode mode) {
    try {
      if (mode == VfioMode.IOMMUFD) {
        // An UnboundDevice has nothing but bind(), so this goes round it.
        int fd = openRaw(kernel, VfioCdev.find(device).node());
        try (VfioDevice unbound = VfioDevice.adopt(kernel, fd, device.name())) {
          unbound.region(VfioPci.BAR0).map().close();
        }
      } else {
        try (VfioGroup group = VfioGroup.of(kernel, device)) {
          group.device(PciAddress.of(device.name())).close();
        }
      }
    } catch (VfioException refusal) {
      return refusal;
    }
    throw new IllegalStateException("nothing kept the device from being used before it was bound");
  }

  private static int openRaw(Kernel kernel, String node) {
    int fd = kernel.open(node, Linux.O_RDWR);
    if (fd < 0) {
      throw VfioException.failed(Reason.OTHER, "open").on("of " + node).result(fd).build();
    }
    return fd;
  }

  private static byte[] pattern() {
    byte[] text = "vfio4j was here. ".getBytes(StandardCharsets.US_ASCII);
    byte[] bytes = new byte[DMA_BYTES];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (text[i % text.length] + i / text.length);
    }
    return bytes;
  }
}
