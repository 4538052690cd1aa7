// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.benchmarks;

import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/** Maps a page of memory for a device, and unmaps it. */
public abstract class FakeMapper implements AutoCloseable {
  static final long PAGE = 4096;

  /** Who makes the calls. */
  public enum Way {
    /** A program, through the library, which remembers what is mapped in a container. */
    LIBRARY,
    /** Nobody but the benchmark: what they cost is the fake's. */
    CALLS
  }

  abstract void map(long iova);

  /** Gives the bytes that were mapped. */
  abstract long unmap(long iova);

  @Override
  public abstract void close();

  static FakeMapper of(Way way, Kernel kernel, VfioMode mode, PciAddress device, long memory) {
    if (way == Way.LIBRARY) {
      return new Library(AssignedDevice.open(kernel, mode, device), memory);
    }
    return switch (mode) {
      case IOMMUFD -> new IoasCalls(AssignedDevice.open(kernel, mode, device), memory);
      case VFIO_TYPE1V2_IOMMU -> new ContainerCalls(kernel, device, memory);
      default -> throw new IllegalArgumentException("the calls of " + mode);
    };
  }

  private static final class Library extends FakeMapper {
    private final AssignedDevice device;
    private final DmaSpace space;
    private final long memory;

    Library(AssignedDevice device, long memory) {
      this.device = device;
      this.space = device.dma();
      this.memory = memory;
    }

    @Override
    void map(long iova) {
      space.map(memory, PAGE, iova, DmaAccess.READ_WRITE);
    }

    @Override
    long unmap(long iova) {
      return space.unmap(iova, PAGE);
    }

    @Override
    public void close() {
      device.close();
    }
  }

  private static final class IoasCalls extends FakeMapper {
    private final AssignedDevice device;
    private final Kernel kernel;
    private final int fd;
    private final IommuIoasMap map = new IommuIoasMap();
    private final IommuIoasUnmap unmap = new IommuIoasUnmap();

    IoasCalls(AssignedDevice device, long memory) {
      this.device = device;
      Ioas ioas = (Ioas) device.dma();
      kernel = ioas.kernel();
      fd = ioas.iommufd().fd();
      int id = ioas.id().value();
      int flags =
          IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA
              | IommufdUapi.IOMMU_IOAS_MAP_READABLE
              | IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE;
      map.flags(flags).ioasId(id).userVa(memory).length(PAGE);
      unmap.ioasId(id);
    }

    @Override
    void map(long iova) {
      check(kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_MAP, map.iova(iova)));
    }

    @Override
    long unmap(long iova) {
      check(kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_UNMAP, unmap.iova(iova).length(PAGE)));
      return unmap.length();
    }

    @Override
    public void close() {
      device.close();
    }
  }

  private static final class ContainerCalls extends FakeMapper {
    private final Kernel kernel;
    private final VfioContainer container;
    private final VfioGroup group;
    private final Type1Iommu iommu;
    private final int fd;
    private final VfioIommuType1DmaMap map = new VfioIommuType1DmaMap();
    private final VfioIommuType1DmaUnmap unmap = new VfioIommuType1DmaUnmap();

    ContainerCalls(Kernel kernel, PciAddress device, long memory) {
      this.kernel = kernel;
      container = VfioContainer.open(kernel);
      group = VfioGroup.of(kernel, SysfsDevice.pci(kernel, device)).join(container);
      iommu = container.setIommu(IommuType.TYPE1_V2);
      fd = container.fd();
      int flags = VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ | VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;
      map.flags(flags).vaddr(memory).size(PAGE);
    }

    @Override
    void map(long iova) {
      check(kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map.iova(iova)));
    }

    @Override
    long unmap(long iova) {
      check(kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap.iova(iova).size(PAGE)));
      return unmap.size();
    }

    @Override
    public void close() {
      iommu.close();
      group.close();
      container.close();
    }
  }

  private static void check(int result) {
    if (result < 0) {
      throw new IllegalStateException("errno " + -result);
    }
  }
}
