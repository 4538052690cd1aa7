// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * {@code pci-testdev} of QEMU: memory at BAR 0 and ports at BAR 1, whose first byte chooses a test.
 * Behind it stand the test's parameters and its name; writes to where the test is are counted.
 *
 * <p>A register is a byte: wider accesses are several. Source: {@code hw/misc/pci-testdev.c} and
 * {@code docs/specs/pci-testdev.rst} of QEMU.
 */
public final class TestdevModel implements DeviceModel {
  private static final PciFunction FUNCTION =
      PciFunction.of(0x1b36, 0x0005)
          .classCode(0x00ff00)
          .subsystem(0x1af4, 0x1100)
          .bar(0, 4096, Space.MEMORY)
          .bar(1, 256, Space.IO);

  private static final String[] TESTS = {"no-eventfd", "wildcard-eventfd", "datamatch-eventfd"};
  private static final String[] SPACES = {"mmio", "portio"};

  /** Where the tests are in each space: in its upper half. */
  private static final int[] UPPER_HALF = {2048, 128};

  // struct PCITestDevHdr
  private static final int TEST = 0;
  private static final int WIDTH = 1;
  private static final int OFFSET = 4;
  private static final int DATA = 8;
  private static final int COUNT = 12;
  private static final int NAME = 16;

  private static final byte MATCH = (byte) 0xfa;
  private static final byte NO_MATCH = (byte) 0xce;

  private final ByteBuffer[] headers = new ByteBuffer[SPACES.length * TESTS.length];
  private ByteBuffer current;

  public TestdevModel() {
    for (int i = 0; i < headers.length; i++) {
      int space = i / TESTS.length;
      byte[] name =
          (SPACES[space] + "-" + TESTS[i % TESTS.length]).getBytes(StandardCharsets.US_ASCII);
      ByteBuffer header =
          ByteBuffer.allocate(NAME + name.length + 1).order(ByteOrder.LITTLE_ENDIAN);
      header.put(TEST, (byte) i);
      header.put(WIDTH, (byte) 1);
      header.putInt(OFFSET, UPPER_HALF[space] + i);
      header.put(DATA, matches(i) ? MATCH : NO_MATCH);
      header.put(NAME, name);
      headers[i] = header;
    }
  }

  private static boolean matches(int test) {
    return test % TESTS.length != 1;
  }

  @Override
  public PciFunction function() {
    return FUNCTION;
  }

  @Override
  public void connect(DeviceBus bus) {}

  @Override
  public long read(int bar, long offset, int width) {
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = (value << Byte.SIZE) | read(offset + i);
    }
    return value;
  }

  private int read(long offset) {
    boolean there = current != null && offset + 1 < current.capacity();
    return there ? current.get((int) offset) & 0xff : 0;
  }

  @Override
  public void write(int bar, long offset, int width, long value) {
    for (int i = 0; i < width; i++) {
      write(bar, offset + i, (byte) (value >>> (Byte.SIZE * i)));
    }
  }

  private void write(int bar, long offset, byte value) {
    if (offset == TEST) {
      current = null;
      int test = Byte.toUnsignedInt(value);
      if (test < TESTS.length) {
        current = headers[bar * TESTS.length + test];
        current.putInt(COUNT, 0);
      }
    } else if (current != null && offset == current.getInt(OFFSET)) {
      if (!matches(current.get(TEST)) || value == current.get(DATA)) {
        current.putInt(COUNT, current.getInt(COUNT) + 1);
      }
    }
  }

  @Override
  public void reset() {
    current = null;
  }
}
