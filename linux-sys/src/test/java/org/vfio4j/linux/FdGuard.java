// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.vfio4j.Errno;
import org.vfio4j.memory.NativeBlock;

/**
 * The host's kernel, but each file gets a number that is never used again, and every call on a
 * number that is closed, or is being closed, is written down.
 */
final class FdGuard implements InvocationHandler {
  private static final Set<String> OPENING = Set.of("open", "dup", "eventfd");
  private static final Set<String> ON_A_FILE =
      Set.of("close", "dup", "ioctl", "read", "write", "pread", "pwrite");

  private final Kernel host = Kernel.host();
  private final AtomicInteger next = new AtomicInteger(1_000_000);
  private final Map<Integer, Integer> real = new ConcurrentHashMap<>();
  private final Map<Integer, AtomicInteger> underway = new ConcurrentHashMap<>();
  final Queue<String> wrong = new ConcurrentLinkedQueue<>();
  final AtomicInteger closes = new AtomicInteger();

  Kernel kernel() {
    return (Kernel)
        Proxy.newProxyInstance(Kernel.class.getClassLoader(), new Class<?>[] {Kernel.class}, this);
  }

  int stillOpen() {
    return real.size();
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] args) throws Throwable {
    String name = method.getName();
    Object result;
    if (name.equals("close")) {
      result = close((int) args[0]);
    } else if (name.equals("poll")) {
      result = poll((NativeBlock) args[0], (int) args[1], (int) args[2]);
    } else if (ON_A_FILE.contains(name)) {
      int fd = (int) args[0];
      AtomicInteger users = underway.get(fd);
      Integer number = real.get(fd);
      if (number == null || users == null) {
        wrong.add(name + " on closed fd " + fd);
        return -Errno.EBADF.number();
      }
      users.incrementAndGet();
      Object[] changed = args.clone();
      changed[0] = number;
      result = call(method, changed);
      users.decrementAndGet();
    } else {
      result = call(method, args);
    }
    if (OPENING.contains(name) && (int) result >= 0) {
      int fd = next.incrementAndGet();
      underway.put(fd, new AtomicInteger());
      real.put(fd, (int) result);
      result = fd;
    }
    return result;
  }

  private int close(int fd) {
    Integer number = real.remove(fd);
    if (number == null) {
      wrong.add("close of closed fd " + fd);
      return -Errno.EBADF.number();
    }
    if (underway.get(fd).get() != 0) {
      wrong.add("close of fd " + fd + " in the middle of a call");
    }
    closes.incrementAndGet();
    return host.close(number);
  }

  private int poll(NativeBlock fds, int count, int timeout) {
    if (count != 1) {
      return host.poll(fds, count, timeout);
    }
    int fd = fds.getInt(0);
    AtomicInteger users = underway.get(fd);
    Integer number = real.get(fd);
    if (number == null || users == null) {
      wrong.add("poll of closed fd " + fd);
      return -Errno.EBADF.number();
    }
    users.incrementAndGet();
    fds.putInt(0, number);
    int result = host.poll(fds, count, timeout);
    fds.putInt(0, fd);
    users.decrementAndGet();
    return result;
  }

  private Object call(Method method, Object[] args) throws Throwable {
    try {
      return method.invoke(host, args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
