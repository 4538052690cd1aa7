// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/** A UART of {@link MttyModel}: what is sent comes back. */
final class SerialPort {
  private static final int RX_TX = 0;
  private static final int IER = 1;
  private static final int IIR_FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;
  private static final int SCR = 7;

  private static final int IER_RDI = 0x01;
  private static final int IER_THRI = 0x02;
  private static final int IER_RLSI = 0x04;
  private static final int IER_MSI = 0x08;
  private static final int IIR_NO_INT = 0x01;
  private static final int IIR_THRI = 0x02;
  private static final int IIR_RDI = 0x04;
  private static final int IIR_RLSI = 0x06;
  private static final int IIR_16550 = 0xc0;
  private static final int FCR_ENABLE = 0x01;
  private static final int FCR_CLEAR = 0x06;
  private static final int LCR_DLAB = 0x80;
  private static final int MCR_LINES = 0x03;
  private static final int MCR_OUT2 = 0x08;
  private static final int MCR_AFE = 0x20;
  private static final int LSR_DATA = 0x01;
  private static final int LSR_OVERRUN = 0x02;
  private static final int LSR_EMPTY = 0x60;
  private static final int MSR_ALWAYS = 0xa2;
  private static final int MSR_CLEAR_TO_SEND = 0x11;

  private static final int FIFO = 16;

  private final Runnable interrupt;
  private final int[] fifo = new int[FIFO];
  private int head;
  private int tail;
  private int count;
  private int most = FIFO;

  /** Nothing triggers before the FIFO has been set up. */
  private int trigger;

  private int ier;
  private int lcr;
  private int mcr;
  private int scr;
  private int divisor;
  private boolean overrun;

  SerialPort(Runnable interrupt) {
    this.interrupt = interrupt;
  }

  private boolean isDivisor() {
    return (lcr & LCR_DLAB) != 0;
  }

  private boolean isEmpty() {
    return head == tail;
  }

  private boolean isEnabled(int kind) {
    return (ier & kind) != 0;
  }

  int read(int register) {
    return switch (register) {
      case RX_TX -> isDivisor() ? divisor & 0xff : receive();
      case IER -> isDivisor() ? divisor >>> Byte.SIZE : ier & 0x0f;
      case IIR_FCR -> identify();
      case LCR -> lcr;
      case MCR -> mcr;
      case LSR -> (isEmpty() ? LSR_EMPTY : LSR_DATA) | (overrun ? LSR_OVERRUN : 0);
      case MSR -> {
        boolean clear = (mcr & MCR_AFE) == 0 || count < most;
        yield MSR_ALWAYS | (clear ? MSR_CLEAR_TO_SEND : 0);
      }
      case SCR -> scr;
      default -> 0;
    };
  }

  private int receive() {
    int value = 0;
    if (!isEmpty()) {
      value = fifo[tail];
      count--;
      tail = (tail + 1) % FIFO;
    }
    if (isEmpty() && isEnabled(IER_THRI)) {
      interrupt.run();
    }
    return value;
  }

  private int identify() {
    int causes = 0;
    if (isEnabled(IER_RLSI) && overrun) {
      causes |= IIR_RLSI;
    }
    if (isEnabled(IER_RDI) && count >= trigger) {
      causes |= IIR_RDI;
    }
    if (isEnabled(IER_THRI) && isEmpty()) {
      causes |= IIR_THRI;
    }
    // A change of the modem's lines has no bit of its own.
    return IIR_16550 | (causes == 0 ? IIR_NO_INT : causes);
  }

  void write(int register, int value) {
    switch (register) {
      case RX_TX -> {
        if (isDivisor()) {
          divisor |= value;
        } else {
          send(value);
        }
      }
      case IER -> {
        if (isDivisor()) {
          divisor |= value << Byte.SIZE;
        } else {
          ier = value;
          if (isEnabled(IER_THRI) && isEmpty()) {
            interrupt.run();
          }
        }
      }
      case IIR_FCR -> {
        if ((value & FCR_CLEAR) != 0) {
          count = 0;
          head = 0;
          tail = 0;
        }
        // Whichever level was asked for.
        trigger = 1;
        most = (value & FCR_ENABLE) != 0 ? FIFO : 1;
      }
      case LCR -> {
        if ((value & LCR_DLAB) != 0) {
          divisor = 0;
        }
        lcr = value;
      }
      case MCR -> {
        mcr = value;
        if (isEnabled(IER_MSI) && (value & MCR_OUT2) != 0) {
          interrupt.run();
        }
        if (isEnabled(IER_MSI) && (value & MCR_LINES) != 0) {
          interrupt.run();
        }
      }
      case SCR -> scr = value;
      default -> {
        // The others are read-only.
      }
    }
  }

  private void send(int value) {
    if (count < most) {
      fifo[head] = value;
      count++;
      head = (head + 1) % FIFO;
      overrun = false;
      if (isEnabled(IER_RDI) && count == trigger) {
        interrupt.run();
      }
    } else {
      overrun = true;
      if (isEnabled(IER_RLSI)) {
        interrupt.run();
      }
    }
  }
}
