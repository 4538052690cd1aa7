// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.testkit.device.DeviceBus;
import org.vfio4j.testkit.device.DeviceModel;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.machine.MachineDevice;

/** A function on the bus: its model, its configuration space, its driver and its group. */
final class PciDevice implements DeviceBus, BusDevice {
  /** What a bus reads where nothing answers. */
  private static final DeviceModel ABSENT =
      new DeviceModel() {
        @Override
        public PciFunction function() {
          return PciFunction.of(0xffff, 0xffff);
        }

        @Override
        public void connect(DeviceBus bus) {}

        @Override
        public long read(int bar, long offset, int width) {
          return -1;
        }

        @Override
        public void write(int bar, long offset, int width, long value) {}

        @Override
        public void reset() {}
      };

  private final SleepingLock lock;
  private final String name;
  private final String path;
  private final DeviceModel model;
  private final ConfigSpace config;
  private final List<DmaFault> faults = new ArrayList<>();
  private IommuGroup group;
  private String driver = "";
  private String override = "";
  private VfioDevice vfio;
  private InterruptSink sink;
  private boolean line;
  private boolean present = true;
  private boolean busReset;

  /** Of vfio-pci, as long as that has the device. */
  private boolean needsReset;

  private int messageQueueMax;

  /** Of a virtual function; null for the others. */
  private final PciDevice physical;

  /** While vfio-pci has a physical function with SR-IOV. */
  private VfToken token;

  /** Whose virtual functions want it; null for those that the host's driver made. */
  private VfToken physicalToken;

  private Sriov sriov;

  /**
   * Who serves the interrupts of a device: nobody, until its driver enables one.
   *
   * <p>Unlike the line, a message is over when it was sent.
   */
  interface InterruptSink {
    void message(int vector);

    void lineUp();
  }

  PciDevice(Gate gate, MachineDevice device, String path, int barAddress) {
    this(gate, device.address().toString(), path, device.model(), barAddress, null);
  }

  PciDevice(
      Gate gate, String name, String path, DeviceModel model, int barAddress, PciDevice physical) {
    this.lock = new SleepingLock(gate);
    this.name = name;
    this.path = path;
    this.model = model;
    this.physical = physical;
    this.config = new ConfigSpace(model.function(), barAddress);
    model.connect(this);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String path() {
    return path;
  }

  /** device_lock(): of who binds, unbinds or removes it, as long as that takes. */
  SleepingLock lock() {
    return lock;
  }

  boolean isVirtual() {
    return physical != null;
  }

  /** Null where it has none. */
  VfToken token() {
    return token;
  }

  /** Of a virtual function, that of its physical function; null where none is wanted. */
  VfToken physicalToken() {
    return physicalToken;
  }

  /** What the last close has left undone. */
  boolean needsReset() {
    return needsReset;
  }

  void needsReset(boolean needed) {
    needsReset = needed;
  }

  /**
   * pci_init_reset_methods(): whether a reset of its bus counts as one of its own, which the kernel
   * asks when it finds the device, before it looks for the next ones on the bus.
   */
  boolean isBusReset() {
    return busReset;
  }

  void busReset(boolean counts) {
    busReset = counts;
  }

  /** vfio_pci_core_init_dev() and vfio_pci_vf_init(). */
  void vfioTakes() {
    needsReset = false;
    messageQueueMax = 0;
    if (isVirtual()) {
      physicalToken = physical.token;
    } else if (function().virtualFunctions() > 0) {
      token = new VfToken();
    }
  }

  void vfioLeaves() {
    token = null;
    physicalToken = null;
  }

  /** Null where it has no virtual functions to make. */
  Sriov sriov() {
    return sriov;
  }

  void sriov(Sriov capability) {
    sriov = capability;
  }

  /** The folder of the bridge in front of it. */
  String bridgePath() {
    return path.substring(0, path.lastIndexOf('/'));
  }

  boolean isOnRootBus() {
    String bridge = bridgePath();
    return bridge.substring(bridge.lastIndexOf('/') + 1).startsWith("pci");
  }

  @Override
  public boolean matches(String text) {
    return VfToken.matches(this, text);
  }

  @Override
  public VfioOps open(Core core) {
    return new VfioPci(core, this);
  }

  @Override
  public IommufdBinding bind(IommufdContext context) {
    return context.bind(new PciEndpoint(context.core(), this));
  }

  @Override
  public DeviceModel model() {
    return present ? model : ABSENT;
  }

  /** It is pulled out: reads give ones from here on, and it does nothing any more. */
  void unplug() {
    present = false;
    config.vanish();
  }

  /** pci_physfn(): itself, if it is no virtual one. */
  PciDevice physicalFunction() {
    return isVirtual() ? physical : this;
  }

  PciFunction function() {
    return model.function();
  }

  ConfigSpace config() {
    return config;
  }

  /** Null where no IOMMU is in front of it. */
  IommuGroup group() {
    return group;
  }

  void join(IommuGroup joined) {
    group = joined;
  }

  /** Empty for none. */
  String driver() {
    return driver;
  }

  void driver(String bound) {
    driver = bound;
  }

  String override() {
    return override;
  }

  void override(String wanted) {
    override = wanted;
  }

  /** Null where no driver of VFIO has it. */
  VfioDevice vfio() {
    return vfio;
  }

  void vfio(VfioDevice device) {
    vfio = device;
  }

  /** msi_qmax: the most vectors of MSI that the last user enabled, as a power of 2. */
  int messageQueueMax() {
    return messageQueueMax;
  }

  void messageQueueMax(int log2) {
    messageQueueMax = log2;
  }

  void interrupts(InterruptSink served) {
    sink = served;
    lookAtLine();
  }

  List<DmaFault> faults() {
    return faults;
  }

  @Override
  public boolean readMemory(long iova, byte[] target, int start, int length) {
    return transfer(iova, target, start, length, false);
  }

  @Override
  public boolean writeMemory(long iova, byte[] source, int start, int length) {
    return transfer(iova, source, start, length, true);
  }

  private boolean transfer(long iova, byte[] bytes, int start, int length, boolean write) {
    if (!present || !config.command(ConfigSpace.COMMAND_MASTER)) {
      return false;
    }
    Translation translation = group == null ? null : group.translation(IommufdGroup.NO_PASID);
    // Twice, so that a transfer is done whole or not at all.
    for (long done = 0; done < length; ) {
      long address = iova + done;
      Long at = translation == null ? null : translation.toIova(address, write);
      IovaSpace.Mapping mapping = at == null ? null : translation.find(at);
      if (mapping == null || mapping.isRevoked() || (write && !mapping.isWritable())) {
        faults.add(new DmaFault(name, address, write, mapping != null));
        if (translation != null) {
          translation.fault(this, address, write);
        }
        return false;
      }
      done += Math.min(mapping.lengthFrom(at), translation.sameFrom(address));
    }
    for (long done = 0; done < length; ) {
      long address = iova + done;
      long at = translation.toIova(address, write);
      IovaSpace.Mapping mapping = translation.find(at);
      long same = Math.min(mapping.lengthFrom(at), translation.sameFrom(address));
      int count = (int) Math.min(length - done, same);
      if (write) {
        mapping.write(at, bytes, (int) (start + done), count);
        translation.written(at, count);
      } else {
        mapping.read(at, bytes, (int) (start + done), count);
      }
      done += count;
    }
    return true;
  }

  @Override
  public boolean isMessageSignalled() {
    return flag(config.msi(), ConfigSpace.MSI_ENABLE)
        || flag(config.msix(), ConfigSpace.MSIX_ENABLE);
  }

  private boolean flag(int capability, int bit) {
    return capability != 0 && (config.getShort(capability + ConfigSpace.MSI_FLAGS) & bit) != 0;
  }

  @Override
  public void message(int vector) {
    // A message is a write to memory.
    if (isMessageSignalled() && config.command(ConfigSpace.COMMAND_MASTER) && sink != null) {
      sink.message(vector);
    }
  }

  @Override
  public void line(boolean up) {
    line = up;
    config.setBits(ConfigSpace.STATUS, ConfigSpace.STATUS_INTERRUPT, up);
    lookAtLine();
  }

  boolean isLineUp() {
    return line;
  }

  /** The bit of the command register that keeps the line from being seen. */
  void disableLine(boolean disabled) {
    config.setCommand(ConfigSpace.COMMAND_INTX_DISABLE, disabled);
    lookAtLine();
  }

  /** The line is a level: it interrupts as long as it is up and lets through. */
  void lookAtLine() {
    if (line && sink != null && !config.command(ConfigSpace.COMMAND_INTX_DISABLE)) {
      sink.lineUp();
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
