// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import java.util.List;
import java.util.function.Consumer;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.MediatedDriver;
import org.vfio4j.testkit.kernel.SystemCalls;
import org.vfio4j.testkit.machine.Held;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * A kernel in memory, with a machine of the test's choice under it.
 *
 * <pre>{@code
 * Kernel kernel = FakeKernel.of(KernelVersion.LINUX_6_12, machine ->
 *     machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci"));
 * }</pre>
 *
 * <p>Each is a world of its own: descriptors, ids, devices and limits of two of them have nothing
 * to do with each other. Only memory is that of this JVM, so that its addresses are real. What is
 * modelled, and what not, is in the description of this package.
 *
 * <p>Thread safe.
 */
public final class FakeKernel implements Kernel {
  private final SystemCalls calls;

  private FakeKernel(SystemCalls calls) {
    this.calls = calls;
  }

  /** A kernel of this release on the machine that {@code description} describes. */
  public static FakeKernel of(KernelVersion version, Consumer<Machine> description) {
    Machine machine = new Machine();
    description.accept(machine);
    return new FakeKernel(new SystemCalls(version, machine));
  }

  /**
   * What devices tried to reach and could not, oldest first for each device: IOVAs that are not
   * mapped, or are read-only. Without the bus master bit a device does not even try.
   */
  public List<DmaFault> dmaFaults() {
    return calls.dmaFaults();
  }

  /**
   * Opens a file of memory, as memfd_create() makes it: what IOMMU_IOAS_MAP_FILE takes. It is read
   * and written by pread and pwrite.
   *
   * @param size in bytes, a multiple of the page size
   * @return the descriptor, which is the caller's to close
   */
  public int memoryFile(long size) {
    return calls.memoryFile(size);
  }

  /**
   * A device that mediated devices can be made of appears, as when the module of its driver is
   * loaded.
   *
   * @param path of its folder below {@code /sys/devices}
   */
  public void addMediatedParent(String path, MediatedDriver driver) {
    calls.addMediatedParent(path, driver);
  }

  /**
   * A device that mediated devices are made of goes, and they go with it: as when the module of its
   * driver is unloaded. Returns when nobody has any of them open; until then, no new ones are made.
   */
  public void removeMediatedParent(String path) {
    calls.removeMediatedParent(path);
  }

  /**
   * Pulls a device out, as a cable is pulled: from here on its registers and its configuration
   * space read as ones, its node is gone, nobody can open it any more, and who has it open is asked
   * to close it (the REQ interrupt). What is open stays so until it is closed; then the device
   * leaves /sys, and its group with it if it was alone there. Does not wait for that.
   *
   * <p>What a host does when it is asked to remove the device, with the device still answering and
   * the call waiting for its users, is a write of {@code 1} to {@code remove} in its folder.
   *
   * @param address of a PCI function
   */
  public void unplug(String address) {
    calls.unplug(address);
  }

  /**
   * Plugs a device in again that was unplugged or removed, as a write to {@code
   * /sys/bus/pci/rescan} does for all of them: with the driver of the host that it had, if any;
   * {@code vfio-pci} is to be bound anew. As long as somebody still has the one open that was
   * there, it is not found; it is as soon as that has left.
   */
  public void plug(String address) {
    calls.plug(address);
  }

  /** The modes in which a device of this kernel can be opened. */
  public List<VfioMode> modes() {
    return VfioMode.all().stream()
        .filter(
            mode ->
                switch (mode) {
                  case VFIO_TYPE1_IOMMU, VFIO_TYPE1V2_IOMMU -> true;
                  case IOMMUFD_COMPAT_TYPE1, IOMMUFD_COMPAT_TYPE1V2 -> calls.hasIommufd();
                  default -> calls.hasDeviceNodes();
                })
        .toList();
  }

  /**
   * Remembers from here on where the program asks for things, at the price of a stack trace for
   * each: {@link #held} says so then.
   *
   * @return this kernel
   */
  public FakeKernel rememberOrigins() {
    calls.rememberOrigins();
    return this;
  }

  /**
   * What the program has not given back: open descriptors and mapped memory and, where {@link
   * #rememberOrigins} was called, pinned memory, objects of iommufds, and what the garbage
   * collector had to give back instead of the program. Nothing, at the end of a program that closes
   * what it opens.
   */
  public List<Held> held() {
    return calls.held();
  }

  @Override
  public Roots roots() {
    return calls.roots();
  }

  @Override
  public int pageSize() {
    return calls.pageSize();
  }

  @Override
  public int open(String path, int flags) {
    return calls.open(path, flags);
  }

  @Override
  public int close(int fd) {
    return calls.close(fd);
  }

  @Override
  public int dup(int fd) {
    return calls.dup(fd);
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return calls.ioctl(fd, request, argument);
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    return calls.ioctl(fd, request, argument);
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    return calls.read(fd, target, length);
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    return calls.write(fd, source, length);
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    return calls.pread(fd, target, length, offset);
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    return calls.pwrite(fd, source, length, offset);
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    return calls.mmap(fd, offset, length, protection, flags);
  }

  @Override
  public int munmap(MappedMemory memory) {
    return calls.munmap(memory);
  }

  @Override
  public int eventfd(int initial, int flags) {
    return calls.eventfd(initial, flags);
  }

  @Override
  public int uevents() {
    return calls.uevents();
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    return calls.poll(fds, count, timeoutMillis);
  }

  @Override
  public Result<byte[]> readFile(String path) {
    return calls.readFile(path);
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return calls.writeFile(path, content);
  }

  @Override
  public Result<String> readLink(String path) {
    return calls.readLink(path);
  }

  @Override
  public Result<List<String>> list(String path) {
    return calls.list(path);
  }
}
