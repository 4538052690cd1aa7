// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What the kernel says when devices come and go, to everybody who listens. */
final class Uevents {
  private final Gate gate;
  private final List<UeventFile> listeners = new ArrayList<>();
  private long sequence;

  Uevents(Gate gate) {
    this.gate = gate;
  }

  void add(UeventFile listener) {
    listeners.add(listener);
  }

  void remove(UeventFile listener) {
    listeners.remove(listener);
  }

  /**
   * @param path of the device in /sys
   * @param more lines {@code KEY=value}
   */
  void send(String action, String path, String subsystem, String... more) {
    sequence++;
    if (listeners.isEmpty()) {
      return;
    }
    String device = path.substring("/sys".length());
    List<String> lines = new ArrayList<>();
    lines.add(action + "@" + device);
    lines.add("ACTION=" + action);
    lines.add("DEVPATH=" + device);
    lines.add("SUBSYSTEM=" + subsystem);
    lines.addAll(List.of(more));
    lines.add("SEQNUM=" + sequence);
    String message = String.join("\0", lines) + "\0";
    listeners.forEach(listener -> listener.put(message.getBytes(StandardCharsets.UTF_8)));
    gate.changed();
  }
}
