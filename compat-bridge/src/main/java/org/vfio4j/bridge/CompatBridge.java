// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * A kernel that offers containers and groups and serves them with device nodes and an iommufd of
 * the kernel below: code that was written for groups runs on it unchanged, and the kernel below
 * sees no file and no call of a group.
 *
 * <pre>{@code
 * CompatBridge bridge = CompatBridge.over(Kernel.host(), AssignmentPolicy.STAGE_1);
 * legacyDriver.run(bridge);
 * System.out.println(bridge.migrationReport());
 * }</pre>
 *
 * <p>Offered are {@code /dev/vfio/vfio}, {@code /dev/vfio/N}, {@code /dev/vfio/noiommu-N} and their
 * ioctls; every other path, and every descriptor that did not come from these, is the kernel's
 * below. What callers see is what a native container with type1 or type1v2 would show; where that
 * cannot be had, the call is refused and {@link #explanation()} says why.
 *
 * <p>Several bridges over one kernel know nothing of each other. A group that one has in a
 * container is in use for the others, but only from then on, not from its open on.
 *
 * <p>Thread safe. Needs Linux 6.6 with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV.
 */
public final class CompatBridge implements Kernel {
  private static final Pattern GROUP = Pattern.compile("(noiommu-)?([0-9]{1,9})");
  private static final Pattern FD_LINK = Pattern.compile("([0-9]+|self)/fd/([0-9]{1,9})");

  /** Of the thread's last call on a bridge. */
  private static final ThreadLocal<Explanation> EXPLANATION = new ThreadLocal<>();

  private final Kernel below;
  private final AssignmentPolicy policy;
  private final Tally tally = new Tally();
  private final DeviceCentric calls;
  private final UserMemory memory;
  private final BridgedFiles files = new BridgedFiles();
  private final Map<Integer, BridgedGroup> groups = new HashMap<>();
  private final Map<MappedMemory, BridgedDevice> mappings = new ConcurrentHashMap<>();
  private final AtomicLong cookies = new AtomicLong();

  private CompatBridge(Kernel below, AssignmentPolicy policy) {
    this.below = below;
    this.policy = policy;
    this.calls = new DeviceCentric(below, tally);
    this.memory = new UserMemory(below);
  }

  /** A bridge over a kernel; nothing is opened yet. */
  public static CompatBridge over(Kernel below, AssignmentPolicy policy) {
    return new CompatBridge(below, policy);
  }

  /** The kernel that serves the calls. */
  public Kernel below() {
    return below;
  }

  /** Which devices are bridged. */
  public AssignmentPolicy policy() {
    return policy;
  }

  /** What became of the calls so far. */
  public MigrationReport migrationReport() {
    return MigrationReport.of(tally);
  }

  Tally tally() {
    return tally;
  }

  DeviceCentric calls() {
    return calls;
  }

  UserMemory memory() {
    return memory;
  }

  BridgedFiles files() {
    return files;
  }

  DeviceCookie nextCookie() {
    return DeviceCookie.of(cookies.incrementAndGet());
  }

  /** Whether a descriptor of the kernel below is open. */
  boolean isOpen(int fd) {
    int copy = below.dup(fd);
    if (copy >= 0) {
      below.close(copy);
    }
    return copy >= 0;
  }

  /** Whether the kernel below would make nodes for devices without an IOMMU. */
  boolean isNoIommuMode() {
    String parameter = "module/vfio/parameters/enable_unsafe_noiommu_mode";
    byte[] on = below.readFile(below.roots().sys(parameter)).orElse(new byte[0]);
    return on.length > 0 && on[0] == 'Y';
  }

  @Override
  public Optional<Explanation> explanation() {
    return Optional.ofNullable(EXPLANATION.get()).or(below::explanation);
  }

  /** What the result of this thread's call does not say; null for nothing. */
  void explain(Explanation why) {
    EXPLANATION.set(why);
  }

  private int refused(BridgeRefusal refusal) {
    Explanation why = refusal.explanation();
    if (why == null && (refusal.is(Errno.EMFILE) || refusal.is(Errno.ENFILE))) {
      why =
          new Explanation(
              Reason.LIMIT,
              "the process or the machine has no file descriptor left",
              "see ulimit -n, and close what is no longer used");
    }
    EXPLANATION.set(why);
    return refusal.result();
  }

  @Override
  public Roots roots() {
    return below.roots();
  }

  @Override
  public int pageSize() {
    return below.pageSize();
  }

  @Override
  public int open(String path, int flags) {
    EXPLANATION.remove();
    String folder = roots().dev("vfio/");
    if (!path.startsWith(folder)) {
      return below.open(path, flags);
    }
    String name = path.substring(folder.length());
    Matcher group = GROUP.matcher(name);
    try {
      if (name.equals("vfio")) {
        return openContainer(tally.made(null, LegacyCall.OPEN_CONTAINER));
      }
      if (group.matches()) {
        tally.made(null, LegacyCall.OPEN_GROUP);
        int number = Integer.parseInt(group.group(2));
        return openGroup(number, path, group.group(1) != null, flags);
      }
    } catch (BridgeRefusal e) {
      return refused(e);
    }
    return below.open(path, flags);
  }

  private int openContainer(Cause cause) throws BridgeRefusal {
    BridgedContainer container;
    try {
      container = new BridgedContainer(this, cause);
    } catch (BridgeRefusal e) {
      throw e.is(Errno.ENOENT) || e.is(Errno.EACCES) ? noIommufd(e) : e;
    }
    try {
      return add(container);
    } catch (BridgeRefusal e) {
      calls.close(cause, container.iommufd());
      throw e;
    }
  }

  private BridgeRefusal noIommufd(BridgeRefusal refusal) {
    String iommufd = roots().dev("iommu");
    return refusal.is(Errno.ENOENT)
        ? BridgeRefusal.of(
            Errno.ENOENT,
            new Explanation(
                Reason.NOT_IN_KERNEL,
                "there is no " + iommufd + ", which serves containers here",
                "it needs Linux 6.2 or later with CONFIG_IOMMUFD, and its module loaded: modprobe"
                    + " iommufd; without it, open the group without a bridge"))
        : BridgeRefusal.of(
            Errno.EACCES,
            new Explanation(
                Reason.NO_PERMISSION,
                "this process may not read and write " + iommufd + ", which serves containers here",
                "give the user access, for example with a udev rule: SUBSYSTEM==\"vfio\","
                    + " GROUP=\"vfio\", MODE=\"0660\" (KERNEL==\"iommu\" for "
                    + iommufd
                    + ")"));
  }

  private int openGroup(int number, String path, boolean noIommu, int flags) throws BridgeRefusal {
    synchronized (groups) {
      if (groups.containsKey(number)) {
        throw BridgeRefusal.of(
            Errno.EBUSY,
            new Explanation(
                Reason.IN_USE,
                path + " is held by process " + ProcessHandle.current().pid() + " (this one)",
                "a group can be open once; stop the other user first"));
      }
      BridgedGroup group = BridgedGroup.find(this, number, path, noIommu);
      if (policy.fallsBackToGroups() && group.isShared()) {
        int fd = BridgeRefusal.check(below.open(path, flags));
        files.add(fd, new OwnGroup(this, path));
        return fd;
      }
      int fd = add(group);
      groups.put(number, group);
      return fd;
    }
  }

  /** Under the number of a file below that is always ready, as a file without poll is. */
  private int add(BridgedFile file) throws BridgeRefusal {
    int fd = BridgeRefusal.check(below.eventfd(1, Linux.EFD_CLOEXEC));
    files.add(fd, file);
    return fd;
  }

  void groupEnded(BridgedGroup group) {
    synchronized (groups) {
      groups.remove(group.number(), group);
    }
  }

  @Override
  public int close(int fd) {
    BridgedFile file = files.remove(fd);
    int result = below.close(fd);
    if (file != null) {
      file.drop();
    }
    return result;
  }

  @Override
  public int dup(int fd) {
    BridgedFile file = files.find(fd);
    int copy = below.dup(fd);
    if (copy >= 0 && file != null && !files.add(copy, file)) {
      below.close(copy);
      return Errno.EBADF.result();
    }
    return copy;
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    BridgedFile file = files.find(fd);
    if (file == null) {
      return below.ioctl(fd, request, argument);
    }
    EXPLANATION.remove();
    try {
      return file.ioctl(fd, request, new UserArgument(memory, argument));
    } catch (BridgeRefusal e) {
      return refused(e);
    }
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    BridgedFile file = files.find(fd);
    if (file == null) {
      return below.ioctl(fd, request, argument);
    }
    try {
      int result = file.ioctl(fd, request, argument);
      if (result < 0) {
        EXPLANATION.remove();
      }
      return result;
    } catch (BridgeRefusal e) {
      return refused(e);
    }
  }

  /** The bridge's own files have nothing to be read. */
  private boolean hasNoData(int fd) {
    BridgedFile file = files.find(fd);
    return file != null && file.path() != null;
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    return hasNoData(fd) ? Errno.EINVAL.result() : below.read(fd, target, length);
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    return hasNoData(fd) ? Errno.EINVAL.result() : below.write(fd, source, length);
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    return hasNoData(fd) ? Errno.EINVAL.result() : below.pread(fd, target, length, offset);
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    return hasNoData(fd) ? Errno.EINVAL.result() : below.pwrite(fd, source, length, offset);
  }

  /** A mapping keeps its device open, also when the descriptors are closed. */
  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    BridgedFile file = (flags & Linux.MAP_ANONYMOUS) == 0 ? files.find(fd) : null;
    if (file instanceof BridgedDeviceFile opened) {
      BridgedDevice device = opened.device();
      device.group().mapped(device);
      Result<MappedMemory> mapped = below.mmap(fd, offset, length, protection, flags);
      if (mapped.isOk()) {
        mappings.put(mapped.value(), device);
      } else {
        device.group().unmapped(device);
      }
      return mapped;
    }
    return file == null
        ? below.mmap(fd, offset, length, protection, flags)
        : Result.failed(Errno.ENODEV);
  }

  /**
   * Where it fails the mapping keeps what it needs in the kernel below, as a native one does; the
   * bridge's descriptors, which nobody would close then, need not stay open for it.
   */
  @Override
  public int munmap(MappedMemory mapped) {
    int result = below.munmap(mapped);
    BridgedDevice device = mappings.remove(mapped);
    if (device != null) {
      device.group().unmapped(device);
    }
    return result;
  }

  @Override
  public int eventfd(int initial, int flags) {
    return below.eventfd(initial, flags);
  }

  @Override
  public int uevents() {
    return below.uevents();
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    return below.poll(fds, count, timeoutMillis);
  }

  @Override
  public Result<byte[]> readFile(String path) {
    return below.readFile(path);
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return below.writeFile(path, content);
  }

  /** Shows, among the files of this process, the bridge's as what they stand for. */
  @Override
  public Result<String> readLink(String path) {
    String folder = roots().proc("");
    if (path.startsWith(folder)) {
      Matcher link = FD_LINK.matcher(path.substring(folder.length()));
      if (link.matches() && isMyself(link.group(1))) {
        BridgedFile file = files.find(Integer.parseInt(link.group(2)));
        if (file != null && file.path() != null) {
          return Result.of(file.path());
        }
      }
    }
    return below.readLink(path);
  }

  private boolean isMyself(String process) {
    return process.equals("self")
        || process.equals(below.readLink(roots().proc("self")).orElse(""));
  }

  /** The folder of VFIO's nodes has those of containers and groups, whatever is below. */
  @Override
  public Result<List<String>> list(String path) {
    Result<List<String>> names = below.list(path);
    if (!path.equals(roots().dev("vfio")) || !names.isOk()) {
      return names;
    }
    TreeSet<String> all = new TreeSet<>(names.value());
    all.add("vfio");
    String numbers = roots().sys("kernel/iommu_groups");
    for (String number : below.list(numbers).orElse(List.of())) {
      if (!all.contains("noiommu-" + number) && hasVfioDevice(numbers + "/" + number)) {
        all.add(number);
      }
    }
    return Result.of(new ArrayList<>(all));
  }

  private boolean hasVfioDevice(String group) {
    return below.list(group + "/devices").orElse(List.of()).stream()
        .anyMatch(
            member ->
                !below
                    .list(group + "/devices/" + member + "/vfio-dev")
                    .orElse(List.of())
                    .isEmpty());
  }

  @Override
  public String toString() {
    return "bridge with policy " + policy + " over " + below;
  }
}
