// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** How often which call was made, and what became of it. Thread safe. */
final class Tally {
  /**
   * What is counted.
   *
   * @param mode null for a call that does not belong to a container with an IOMMU
   * @param refusal null where the call was served; else why not
   * @param became null for the call itself
   */
  record Key(VfioMode mode, LegacyCall call, DeviceCall became, String refusal) {}

  private final Map<Key, AtomicLong> counts = new ConcurrentHashMap<>();

  /** For calls that are made often: {@code incrementAndGet} is all that is to be done. */
  AtomicLong counter(VfioMode mode, LegacyCall call, DeviceCall became) {
    return counter(new Key(mode, call, became, null));
  }

  /** A legacy call was made. What is done for it is counted for the same mode. */
  Cause made(VfioMode mode, LegacyCall call) {
    counter(mode, call, null).incrementAndGet();
    return new Cause(mode, call);
  }

  void count(Cause cause, DeviceCall became) {
    counter(cause.mode(), cause.call(), became).incrementAndGet();
  }

  /** The bridge itself refuses a call, where the kernel below might have served it. */
  void refused(VfioMode mode, LegacyCall call, String why) {
    counter(new Key(mode, call, null, why)).incrementAndGet();
  }

  private AtomicLong counter(Key key) {
    return counts.computeIfAbsent(key, missing -> new AtomicLong());
  }

  /** What was counted so far and is not 0. */
  List<Map.Entry<Key, Long>> snapshot() {
    List<Map.Entry<Key, Long>> snapshot = new ArrayList<>();
    counts.forEach(
        (key, count) -> {
          if (count.get() > 0) {
            snapshot.add(Map.entry(key, count.get()));
          }
        });
    return snapshot;
  }
}
