// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.Roots;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.MediatedDriver;
import org.vfio4j.testkit.kernel.FileTree.Attribute;
import org.vfio4j.testkit.kernel.FileTree.Folder;
import org.vfio4j.testkit.kernel.FileTree.Link;
import org.vfio4j.testkit.kernel.FileTree.Node;
import org.vfio4j.testkit.kernel.FileTree.Special;
import org.vfio4j.testkit.machine.Held;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/** The port: finds the open file behind a call, and makes a result of what comes of it. */
public final class SystemCalls implements Kernel {
  private static final int ACCESS_MODE = 3;
  private static final int LAST_STANDARD_STREAM = 2;
  private static final int POLLFD_SIZE = 8;
  private static final int POLL_EVENTS = 4;
  private static final int POLL_REVENTS = 6;
  private static final int ALWAYS_POLLED = Linux.POLLERR | Linux.POLLHUP | Linux.POLLNVAL;

  private final Core core;
  private final Gate gate;
  private final Permissions permissions;
  private final PciBus pci;
  private final FileTree tree = new FileTree();
  private final MdevBus mdevs;

  public SystemCalls(KernelVersion version, Machine machine) {
    core = new Core(version, machine);
    gate = core.gate();
    permissions = new Permissions(machine);
    SysTree sys = new SysTree(core, tree);
    VfioClass vfio = new VfioClass(core, sys);
    pci = new PciBus(core, sys, vfio);
    mdevs = new MdevBus(core, tree, sys, vfio);
    new ProcTree(core, tree);
    for (int fd = 0; fd <= LAST_STANDARD_STREAM; fd++) {
      core.files().add(new NullFile());
    }
  }

  /** What devices could not reach so far, oldest first. */
  public List<DmaFault> dmaFaults() {
    gate.enter();
    try {
      List<DmaFault> faults = new ArrayList<>();
      core.devices().forEach(device -> faults.addAll(device.faults()));
      faults.addAll(mdevs.faults());
      return faults;
    } finally {
      gate.leave();
    }
  }

  /** A driver has registered a parent of mediated devices. */
  public void addMediatedParent(String path, MediatedDriver driver) {
    gate.enter();
    try {
      mdevs.register(path, driver, "");
    } finally {
      gate.leave();
    }
  }

  public boolean hasIommufd() {
    return core.hasIommufd();
  }

  public boolean hasDeviceNodes() {
    return core.hasDeviceNodes();
  }

  /** The function at this address is pulled out. */
  public void unplug(String address) {
    gate.enter();
    try {
      PciDevice device = core.device(address);
      if (device == null) {
        throw new IllegalArgumentException("there is no device at " + address);
      }
      pci.unplug(device);
    } finally {
      gate.leave();
    }
  }

  /** A function that was removed is there again. */
  public void plug(String address) {
    gate.enter();
    try {
      pci.plug(
          core.machine().devices().stream()
              .filter(device -> device.address().toString().equals(address))
              .findFirst()
              .orElseThrow(
                  () -> new IllegalArgumentException("there never was a device at " + address)));
    } finally {
      gate.leave();
    }
  }

  /** From here on {@link #held} says where things were asked for, and knows of pins and objects. */
  public void rememberOrigins() {
    gate.enter();
    try {
      core.origins().remember();
    } finally {
      gate.leave();
    }
  }

  /** A driver takes back a parent of mediated devices, and waits for their users. */
  public void removeMediatedParent(String path) {
    gate.enter();
    try {
      mdevs.unregister(path);
    } finally {
      gate.leave();
    }
  }

  /** What the process has not given back, but for its standard streams. */
  public List<Held> held() {
    gate.enter();
    try {
      Origins origins = core.origins();
      List<Held> held = new ArrayList<>(origins.lost());
      for (int fd : core.files().open()) {
        if (fd > LAST_STANDARD_STREAM) {
          String what = FileTable.describe(fd, core.files().get(fd));
          held.add(new Held(Held.Kind.DESCRIPTOR, what, origins.of(fd)));
        }
      }
      for (MappedMemory mapping : core.deviceMappings()) {
        held.add(new Held(Held.Kind.MAPPING, mapping.toString(), origins.of(mapping)));
      }
      for (MappedMemory mapping : core.memory().mapped()) {
        held.add(new Held(Held.Kind.MAPPING, mapping.toString(), origins.of(mapping)));
      }
      origins
          .held(UserMemory.Pin.class)
          .forEach((pin, at) -> held.add(new Held(Held.Kind.PINNED, pin + "", Optional.of(at))));
      origins
          .held(IommufdObject.class)
          .forEach(
              (object, at) -> held.add(new Held(Held.Kind.OBJECT, object + "", Optional.of(at))));
      return held;
    } finally {
      gate.leave();
    }
  }

  /**
   * A file of memory, as memfd_create() makes it.
   *
   * @param size in bytes, a multiple of the page size
   * @return the descriptor
   */
  public int memoryFile(long size) {
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    MappedMemory memory = Kernel.host().mmap(-1, 0, size, protection, flags).value();
    return (int) call(() -> core.files().add(new MemoryFile(memory)));
  }

  @Override
  public Roots roots() {
    return Roots.DEFAULT;
  }

  @Override
  public int pageSize() {
    return UserMemory.PAGE;
  }

  private long call(LongSupplier call) {
    gate.enter();
    try {
      return call.getAsLong();
    } catch (KernelError e) {
      return e.result();
    } finally {
      gate.leave();
    }
  }

  private <T> Result<T> question(Supplier<T> call) {
    gate.enter();
    try {
      return Result.of(call.get());
    } catch (KernelError e) {
      return Result.failed(e.errno());
    } finally {
      gate.leave();
    }
  }

  /** With the file held, so that closing its descriptor meanwhile does not end it. */
  private interface FileCall {
    long on(OpenFile file);
  }

  private long call(int fd, FileCall call) {
    gate.enter();
    try {
      OpenFile file = core.files().find(fd);
      if (file == null) {
        return Errno.EBADF.result();
      }
      file.hold();
      try {
        return call.on(file);
      } finally {
        file.drop();
      }
    } catch (KernelError e) {
      return e.result();
    } finally {
      gate.leave();
    }
  }

  private UserPointer pointer(NativeBlock block) {
    return new UserPointer(core.memory(), block);
  }

  @Override
  public int open(String path, int flags) {
    return (int)
        call(
            () -> {
              core.files().refuseIfFull();
              core.files().refuseIfSystemFull();
              OpenFile file = openFile(path, flags);
              file.openedWith(flags);
              return core.files().add(file);
            });
  }

  private OpenFile openFile(String path, int flags) {
    Node node = tree.resolve(path);
    int mode = flags & ACCESS_MODE;
    boolean reads = mode != Linux.O_WRONLY;
    boolean writes = mode != Linux.O_RDONLY;
    if (node instanceof Folder) {
      KernelError.refuseIf(mode != Linux.O_RDONLY, Errno.EISDIR);
      return new FolderFile(path);
    }
    permissions.check(path, node, reads, writes);
    if (node instanceof Attribute attribute) {
      boolean denied = (reads && attribute.show() == null) || (writes && attribute.store() == null);
      KernelError.refuseIf(denied, Errno.EACCES);
      return new AttributeFile(tree, path, attribute);
    }
    return ((Special) node).open().get();
  }

  @Override
  public int close(int fd) {
    return (int)
        call(
            () -> {
              core.files().close(fd);
              return 0;
            });
  }

  @Override
  public int dup(int fd) {
    return (int) call(() -> core.files().add(core.files().get(fd)));
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return (int) call(fd, file -> file.ioctl(request, new UserPointer(core.memory(), argument)));
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    return (int) call(fd, file -> file.ioctl(request, pointer(argument)));
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    Objects.checkFromIndexSize(0, length, target.capacity());
    return call(
        fd,
        file -> {
          KernelError.refuseIf(!file.isReadable(), Errno.EBADF);
          return file.read(pointer(target), length);
        });
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    Objects.checkFromIndexSize(0, length, source.capacity());
    return call(
        fd,
        file -> {
          KernelError.refuseIf(!file.isWritable(), Errno.EBADF);
          return file.write(pointer(source), length);
        });
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    Objects.checkFromIndexSize(0, length, target.capacity());
    if (offset < 0) {
      return Errno.EINVAL.result();
    }
    return call(
        fd,
        file -> {
          KernelError.refuseIf(!file.isReadable(), Errno.EBADF);
          return file.pread(pointer(target), length, offset);
        });
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    Objects.checkFromIndexSize(0, length, source.capacity());
    if (offset < 0) {
      return Errno.EINVAL.result();
    }
    return call(
        fd,
        file -> {
          KernelError.refuseIf(!file.isWritable(), Errno.EBADF);
          return file.pwrite(pointer(source), length, offset);
        });
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    gate.enter();
    try {
      KernelError.refuseIf((offset & (UserMemory.PAGE - 1)) != 0, Errno.EINVAL);
      if ((flags & Linux.MAP_ANONYMOUS) != 0) {
        return core.memory().mmap(length, protection, flags);
      }
      if ((flags & Linux.MAP_FIXED) != 0) {
        throw new IllegalArgumentException("MAP_FIXED");
      }
      OpenFile file = core.files().get(fd);
      KernelError.refuseIf(length <= 0, Errno.EINVAL);
      MappedMemory mapped = file.mmap(offset, length, protection, allowed(file, protection, flags));
      core.deviceMappings().add((DeviceMemory) mapped);
      core.origins().taken(mapped);
      return Result.of(mapped);
    } catch (KernelError e) {
      return Result.failed(e.errno());
    } finally {
      gate.leave();
    }
  }

  /** do_mmap(): what is mapped of a file that cannot be written is shared in no way that counts. */
  private static int allowed(OpenFile file, int protection, int flags) {
    boolean writes = (flags & Linux.MAP_SHARED) != 0 && (protection & Linux.PROT_WRITE) != 0;
    boolean denied = !file.isReadable() || (writes && !file.isWritable());
    KernelError.refuseIf(denied, Errno.EACCES);
    return file.isWritable() ? flags : flags & ~Linux.MAP_SHARED;
  }

  @Override
  public int munmap(MappedMemory memory) {
    return (int)
        call(
            () -> {
              if (memory instanceof AnonymousMemory anonymous) {
                core.memory().munmap(anonymous);
              } else if (memory instanceof DeviceMemory device) {
                device.unmap();
              } else {
                throw KernelError.of(Errno.EINVAL);
              }
              return 0;
            });
  }

  @Override
  public int eventfd(int initial, int flags) {
    return (int) call(() -> core.files().add(new EventFdFile(core, initial, flags)));
  }

  /** Of mediated devices and their parents. */
  @Override
  public int uevents() {
    return (int) call(() -> core.files().add(new UeventFile(core.uevents())));
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    Objects.checkFromIndexSize(0, count * POLLFD_SIZE, fds.capacity());
    gate.enter();
    List<OpenFile> held = new ArrayList<>(count);
    try {
      for (int i = 0; i < count; i++) {
        OpenFile file = core.files().find(fds.getInt(i * POLLFD_SIZE));
        held.add(file);
        if (file != null) {
          file.hold();
        }
      }
      gate.await(() -> ready(fds, held) > 0, timeoutMillis);
      return ready(fds, held);
    } finally {
      for (OpenFile file : held) {
        if (file != null) {
          file.drop();
        }
      }
      gate.leave();
    }
  }

  private static int ready(NativeBlock fds, List<OpenFile> files) {
    int ready = 0;
    for (int i = 0; i < files.size(); i++) {
      int at = i * POLLFD_SIZE;
      int events = 0;
      if (fds.getInt(at) >= 0) {
        OpenFile file = files.get(i);
        int wanted = fds.getShort(at + POLL_EVENTS) | ALWAYS_POLLED;
        events = file == null ? Linux.POLLNVAL : file.ready() & wanted;
      }
      fds.putShort(at + POLL_REVENTS, (short) events);
      ready += events == 0 ? 0 : 1;
    }
    return ready;
  }

  @Override
  public Result<byte[]> readFile(String path) {
    return question(
        () -> {
          Node node = tree.resolve(path);
          KernelError.refuseIf(node instanceof Folder, Errno.EISDIR);
          permissions.check(path, node, true, false);
          KernelError.refuseIf(!(node instanceof Attribute), Errno.EINVAL);
          Attribute attribute = (Attribute) node;
          KernelError.refuseIf(attribute.show() == null, Errno.EACCES);
          return attribute.show().get();
        });
  }

  @Override
  public int writeFile(String path, byte[] content) {
    return (int)
        call(
            () -> {
              Node node = tree.resolve(path);
              KernelError.refuseIf(node instanceof Folder, Errno.EISDIR);
              permissions.check(path, node, false, true);
              KernelError.refuseIf(!(node instanceof Attribute), Errno.EINVAL);
              Attribute attribute = (Attribute) node;
              KernelError.refuseIf(attribute.store() == null, Errno.EACCES);
              return attribute.write(content);
            });
  }

  @Override
  public Result<String> readLink(String path) {
    return question(
        () -> {
          Node node = tree.resolveLink(path);
          KernelError.refuseIf(!(node instanceof Link), Errno.EINVAL);
          return ((Link) node).target();
        });
  }

  @Override
  public Result<List<String>> list(String path) {
    return question(
        () -> {
          Node node = tree.resolve(path);
          KernelError.refuseIf(!(node instanceof Folder), Errno.ENOTDIR);
          // The folder is open meanwhile, which one that lists descriptors sees.
          int fd = core.files().add(new FolderFile(path));
          try {
            return ((Folder) node).names().stream().sorted().toList();
          } finally {
            core.files().close(fd);
          }
        });
  }
}
