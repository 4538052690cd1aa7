// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/**
 * In which mode a device will be opened, and for every other mode why not, with the evidence.
 *
 * <p>Who is to decide is asked in this order: the caller's argument; the environment variable
 * {@value #VARIABLE}, which has the name of a policy ({@code group_only}, {@code prefer_device},
 * {@code device_only}) or of a mode; nobody, which is {@link OpeningPolicy#PREFER_DEVICE}. Nothing
 * falls back silently: what the plan says is what {@link #open()} does, or it throws.
 *
 * <p>To look, nodes are opened and closed again; nothing is bound, and no group joins anything.
 *
 * <p>Immutable: what was seen when it was made.
 */
public final class OpeningPlan {
  /** The environment variable that decides where the caller does not. */
  public static final String VARIABLE = "VFIO4J_OPEN";

  private final Kernel kernel;
  private final SysfsDevice device;
  private final String wish;
  private final AssignmentPolicy assignment;
  private final List<Verdict> verdicts;

  private OpeningPlan(
      Kernel kernel,
      SysfsDevice device,
      String wish,
      AssignmentPolicy assignment,
      List<Verdict> verdicts) {
    this.kernel = kernel;
    this.device = device;
    this.wish = wish;
    this.assignment = assignment;
    this.verdicts = List.copyOf(verdicts);
  }

  /** Why a mode is not the one. */
  public enum Against {
    /** The policy does not allow the mode. */
    POLICY,
    /** It would be possible, but the policy wants another one first, which is possible too. */
    ANOTHER_FIRST,
    /** The kernel does not have what the mode needs. */
    NOT_IN_KERNEL,
    /** This process may not open what the mode needs. */
    NO_PERMISSION,
    /** The device is not bound to a driver of VFIO. */
    WRONG_DRIVER,
    /** No IOMMU is in front of the device. */
    NO_IOMMU,
    /** Devices that cannot be told apart from this one are in other hands. */
    NOT_VIABLE,
    /** The device shares its group, and the assignment policy leaves such to the group API. */
    SHARED_GROUP,
    /** Somebody else uses the device or its group. */
    IN_USE,
    /** None of these: the evidence says what. */
    OTHER;

    static Against of(Reason reason) {
      return switch (reason) {
        case NOT_IN_KERNEL -> NOT_IN_KERNEL;
        case NO_PERMISSION -> NO_PERMISSION;
        case WRONG_DRIVER -> WRONG_DRIVER;
        case NO_IOMMU -> NO_IOMMU;
        case NOT_VIABLE -> NOT_VIABLE;
        case IN_USE -> IN_USE;
        default -> OTHER;
      };
    }
  }

  /**
   * What is said of a mode.
   *
   * @param against empty for the mode that is chosen
   * @param evidence what was seen
   */
  public record Verdict(VfioMode mode, Optional<Against> against, String evidence) {}

  /**
   * A plan by the environment, or else by {@link OpeningPolicy#PREFER_DEVICE}, for devices that may
   * be alone in their group or not.
   */
  public static OpeningPlan of(Kernel kernel, SysfsDevice device) {
    return of(kernel, device, AssignmentPolicy.STAGE_2, System::getenv);
  }

  /** As {@link #of(Kernel, SysfsDevice)}, of a PCI function. */
  public static OpeningPlan of(Kernel kernel, PciAddress address) {
    return of(kernel, SysfsDevice.pci(kernel, address));
  }

  /**
   * As {@link #of(Kernel, SysfsDevice)}, by another environment than this process': that of a
   * configuration.
   *
   * @param assignment which devices may be used by device-centric calls, the bridge's among them
   * @param environment gives the value of a variable, null for none
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}) when {@value #VARIABLE} is set to what
   *     is neither a policy nor a mode
   */
  public static OpeningPlan of(
      Kernel kernel,
      SysfsDevice device,
      AssignmentPolicy assignment,
      Function<String, String> environment) {
    String wish = environment.apply(VARIABLE);
    if (wish == null || wish.isBlank()) {
      return of(kernel, device, OpeningPolicy.PREFER_DEVICE, assignment);
    }
    for (OpeningPolicy policy : OpeningPolicy.values()) {
      if (policy.id().equals(wish)) {
        return make(kernel, device, VARIABLE + "=" + wish, policy.order(), assignment);
      }
    }
    for (VfioMode mode : VfioMode.all()) {
      if (mode.id().equals(wish)) {
        return make(kernel, device, VARIABLE + "=" + wish, List.of(mode), assignment);
      }
    }
    throw VfioException.failed(Reason.INVALID_ARGUMENT, "plan")
        .on("to open " + device)
        .fact("the environment has " + VARIABLE + "=" + wish + ", which is no policy and no mode")
        .hint(
            "policies are "
                + Arrays.stream(OpeningPolicy.values())
                    .map(OpeningPolicy::id)
                    .collect(Collectors.joining(", "))
                + "; modes are "
                + VfioMode.all().stream().map(VfioMode::id).collect(Collectors.joining(", ")))
        .build();
  }

  /** A plan by this policy, for devices that may be alone in their group or not. */
  public static OpeningPlan of(Kernel kernel, PciAddress address, OpeningPolicy policy) {
    return of(kernel, SysfsDevice.pci(kernel, address), policy, AssignmentPolicy.STAGE_2);
  }

  /**
   * A plan by this policy.
   *
   * @param assignment which devices may be used by device-centric calls, the bridge's among them
   */
  public static OpeningPlan of(
      Kernel kernel, SysfsDevice device, OpeningPolicy policy, AssignmentPolicy assignment) {
    return make(kernel, device, "policy " + policy, policy.order(), assignment);
  }

  /** A plan for exactly this mode. */
  public static OpeningPlan of(
      Kernel kernel, SysfsDevice device, VfioMode mode, AssignmentPolicy assignment) {
    return make(kernel, device, "the mode asked for is " + mode, List.of(mode), assignment);
  }

  private static OpeningPlan make(
      Kernel kernel,
      SysfsDevice device,
      String wish,
      List<VfioMode> order,
      AssignmentPolicy assignment) {
    OpeningProbe probe = new OpeningProbe(kernel, device, assignment);
    List<Verdict> verdicts = new ArrayList<>();
    VfioMode chosen = null;
    for (VfioMode mode : order) {
      Verdict verdict = probe.verdict(mode);
      if (verdict.against().isEmpty() && chosen != null) {
        verdict =
            new Verdict(
                mode,
                Optional.of(Against.ANOTHER_FIRST),
                wish + " has " + chosen + " first (" + verdict.evidence() + ")");
      } else if (verdict.against().isEmpty()) {
        chosen = mode;
      }
      verdicts.add(verdict);
    }
    for (VfioMode mode : VfioMode.all()) {
      if (!order.contains(mode)) {
        verdicts.add(
            new Verdict(mode, Optional.of(Against.POLICY), wish + " does not allow this mode"));
      }
    }
    return new OpeningPlan(kernel, device, wish, assignment, verdicts);
  }

  /**
   * One for each mode: those that were to be considered in the order of the wish, then the rest.
   */
  public List<Verdict> verdicts() {
    return verdicts;
  }

  /** What is said of this mode. */
  public Verdict verdict(VfioMode mode) {
    return verdicts.stream().filter(v -> v.mode() == mode).findFirst().orElseThrow();
  }

  /** The mode in which {@link #open()} opens the device; empty when there is none. */
  public Optional<VfioMode> chosen() {
    return verdicts.stream()
        .filter(verdict -> verdict.against().isEmpty())
        .map(Verdict::mode)
        .findFirst();
  }

  /**
   * Opens the device as planned, in an address space of its own.
   *
   * @throws VfioException when there is no mode for it, with every reason; or when something has
   *     changed since, and the device cannot be had as planned
   */
  public AssignedDevice open(DeviceCookie cookie) {
    VfioMode mode =
        chosen()
            .orElseThrow(
                () ->
                    VfioException.failed(reason(), "open")
                        .on("of " + device)
                        .fact("there is no mode for it:\n" + this)
                        .hint("the evidence says what each mode lacks")
                        .build());
    Kernel used = mode.isBridged() ? CompatBridge.over(kernel, assignment) : kernel;
    return AssignedDevice.open(used, mode, device, cookie);
  }

  /** As {@link #open(DeviceCookie)}, with cookie 0. */
  public AssignedDevice open() {
    return open(DeviceCookie.of(0));
  }

  /** Of the mode that was wanted most. */
  private Reason reason() {
    return switch (verdicts.get(0).against().orElse(Against.OTHER)) {
      case NOT_IN_KERNEL -> Reason.NOT_IN_KERNEL;
      case NO_PERMISSION -> Reason.NO_PERMISSION;
      case WRONG_DRIVER -> Reason.WRONG_DRIVER;
      case NO_IOMMU -> Reason.NO_IOMMU;
      case NOT_VIABLE, SHARED_GROUP -> Reason.NOT_VIABLE;
      case IN_USE -> Reason.IN_USE;
      case POLICY, ANOTHER_FIRST, OTHER -> Reason.OTHER;
    };
  }

  /** A line for each mode. */
  @Override
  public String toString() {
    return verdicts.stream()
        .map(
            verdict ->
                String.format(
                    "%-24s%s",
                    verdict.mode(),
                    verdict
                        .against()
                        .map(against -> "rejected: " + against + ": " + verdict.evidence())
                        .orElseGet(() -> "chosen:   " + verdict.evidence())))
        .collect(Collectors.joining("\n"));
  }

  /** The same as JSON. */
  public String toJson() {
    String modes =
        verdicts.stream()
            .map(
                verdict ->
                    new Json()
                        .put("mode", verdict.mode().id())
                        .put("chosen", verdict.against().isEmpty())
                        .raw(
                            "against",
                            verdict
                                .against()
                                .map(against -> Json.quote(against.name()))
                                .orElse("null"))
                        .put("evidence", verdict.evidence())
                        .toString())
            .collect(Collectors.joining(",\n    ", "[\n    ", "\n  ]"));
    return "{\n  \"device\": "
        + Json.quote(device.name())
        + ",\n  \"wish\": "
        + Json.quote(wish)
        + ",\n  \"assignment\": "
        + Json.quote(assignment.name())
        + ",\n  \"chosen\": "
        + chosen().map(mode -> Json.quote(mode.id())).orElse("null")
        + ",\n  \"modes\": "
        + modes
        + "\n}\n";
  }
}
