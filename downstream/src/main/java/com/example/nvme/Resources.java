// SPDX-License-Identifier: Apache-2.0
package com.example.nvme;

import java.util.ArrayDeque;
import java.util.Deque;

/** What was opened, to be closed in the opposite order, all of it whatever fails. */
final class Resources implements AutoCloseable {
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  <T extends AutoCloseable> T add(T resource) {
    opened.push(resource);
    return resource;
  }

  @Override
  public void close() {
    RuntimeException failure = null;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      } catch (Exception e) {
        throw new AssertionError("what is closed here throws no checked exceptions", e);
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
