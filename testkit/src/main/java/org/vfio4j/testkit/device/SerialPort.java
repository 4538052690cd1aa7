// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.nio.ByteBuffer;

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

  /** {@code sizeof(struct serial_port)} of the driver, and where it has what. */
  static final int SIZE = 36;

  private static final int FIFO_AT = 8;
  private static final int HEAD_AT = 24;
  private static final int TAIL_AT = 25;
  private static final int COUNT_AT = 26;
  private static final int DLAB_AT = 27;
  private static final int OVERRUN_AT = 28;
  private static final int DIVISOR_AT = 30;
  private static final int FCR_AT = 32;
  private static final int MOST_AT = 33;
  private static final int TRIGGER_AT = 34;

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
  private int fcr;
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
        fcr = value;
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

  /** Appends {@code struct serial_port} of the driver. */
  void save(ByteBuffer state) {
    ByteBuffer port = ByteBuffer.allocate(SIZE).order(state.order());
    port.put(IER, (byte) ier).put(LCR, (byte) lcr).put(MCR, (byte) mcr).put(SCR, (byte) scr);
    for (int i = 0; i < FIFO; i++) {
      port.put(FIFO_AT + i, (byte) fifo[i]);
    }
    port.put(HEAD_AT, (byte) head).put(TAIL_AT, (byte) tail).put(COUNT_AT, (byte) count);
    port.put(DLAB_AT, (byte) (isDivisor() ? 1 : 0)).put(OVERRUN_AT, (byte) (overrun ? 1 : 0));
    port.putShort(DIVISOR_AT, (short) divisor).put(FCR_AT, (byte) fcr);
    port.put(MOST_AT, (byte) most).put(TRIGGER_AT, (byte) trigger);
    state.put(port.array());
  }

  /** Takes what {@link #save} gave. */
  void load(ByteBuffer state) {
    ByteBuffer port = state.slice(state.position(), SIZE).order(state.order());
    state.position(state.position() + SIZE);
    ier = port.get(IER) & 0xff;
    lcr = (port.get(LCR) & 0x7f) | (port.get(DLAB_AT) == 0 ? 0 : LCR_DLAB);
    mcr = port.get(MCR) & 0xff;
    scr = port.get(SCR) & 0xff;
    for (int i = 0; i < FIFO; i++) {
      fifo[i] = port.get(FIFO_AT + i) & 0xff;
    }
    head = port.get(HEAD_AT) & (FIFO - 1);
    tail = port.get(TAIL_AT) & (FIFO - 1);
    count = port.get(COUNT_AT) & 0xff;
    overrun = port.get(OVERRUN_AT) != 0;
    divisor = port.getShort(DIVISOR_AT) & 0xffff;
    fcr = port.get(FCR_AT) & 0xff;
    most = port.get(MOST_AT) & 0xff;
    trigger = port.get(TRIGGER_AT) & 0xff;
  }
}
