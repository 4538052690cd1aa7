// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.NativeBlock;

/** A /dev/iommu that notes what it is given and answers what it is told to. */
final class IommufdStub {
  static final int FD = 77;

  /** A call as it came in: the bytes before the answer was written. */
  record Call(int request, ByteBuffer bytes) {}

  final List<Call> calls = new ArrayList<>();
  final List<String> order = new ArrayList<>();

  /** Fills in what the kernel would, and returns what the ioctl returns. */
  ToIntFunction<NativeBlock> answer = block -> 0;

  int nextId = 5;
  int openResult = FD;

  Kernel kernel() {
    return (Kernel)
        Proxy.newProxyInstance(
            Kernel.class.getClassLoader(),
            new Class<?>[] {Kernel.class},
            (proxy, method, args) ->
                switch (method.getName()) {
                  case "open" -> {
                    assertThat(args[0]).isEqualTo("/dev/iommu");
                    assertThat(args[1]).isEqualTo(2);
                    yield openResult;
                  }
                  case "ioctl" -> ioctl((int) args[0], (int) args[1], (NativeBlock) args[2]);
                  case "close" -> {
                    order.add("close");
                    yield 0;
                  }
                  default -> method.invoke(Kernel.host(), args);
                });
  }

  private int ioctl(int fd, int request, NativeBlock block) {
    assertThat(fd).isEqualTo(FD);
    calls.add(
        new Call(
            request,
            ByteBuffer.wrap(block.get(0, block.capacity())).order(ByteOrder.nativeOrder())));
    if (request == 0x3b81) {
      block.putInt(8, nextId++);
      return 0;
    }
    if (request == 0x3b80) {
      order.add("destroy " + block.getInt(4));
    }
    return answer.applyAsInt(block);
  }

  Call last() {
    return calls.get(calls.size() - 1);
  }
}
