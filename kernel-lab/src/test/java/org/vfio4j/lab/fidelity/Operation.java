// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;

/** The calls of the port that sequences make. */
enum Operation {
  OPEN {
    @Override
    long run(Lane lane, Call call) {
      return lane.kernel().open(call.path(), (int) call.number().number());
    }

    @Override
    String text(Call call) {
      return "open(" + call.path() + ", " + call.number() + ")";
    }
  },
  CLOSE {
    @Override
    long run(Lane lane, Call call) {
      return lane.close(call.fd());
    }

    @Override
    String text(Call call) {
      return "close(" + call.fd() + ")";
    }
  },
  DUP {
    @Override
    long run(Lane lane, Call call) {
      return lane.kernel().dup(lane.fd(call.fd()));
    }

    @Override
    String text(Call call) {
      return "dup(" + call.fd() + ")";
    }
  },
  EVENTFD {
    @Override
    long run(Lane lane, Call call) {
      return lane.kernel().eventfd((int) call.number().number(), (int) call.offset());
    }

    @Override
    String text(Call call) {
      return "eventfd(" + call.number() + ", " + call.offset() + ")";
    }
  },
  IOCTL {
    @Override
    long run(Lane lane, Call call) {
      int request = (int) call.number().number();
      return lane.kernel().ioctl(lane.fd(call.fd()), request, lane.arena());
    }

    @Override
    String text(Call call) {
      return "ioctl(" + call.fd() + ", " + call.name() + ", " + call.struct() + ")";
    }
  },
  IOCTL_NUMBER {
    @Override
    long run(Lane lane, Call call) {
      long argument = lane.value(call.number());
      return lane.kernel().ioctl(lane.fd(call.fd()), (int) call.offset(), argument);
    }

    @Override
    String text(Call call) {
      return "ioctl(" + call.fd() + ", " + call.name() + ", " + call.number() + ")";
    }
  },
  READ {
    @Override
    long run(Lane lane, Call call) {
      int length = (int) call.number().number();
      return lane.kernel().read(lane.fd(call.fd()), lane.arena(), length);
    }

    @Override
    String text(Call call) {
      return "read(" + call.fd() + ", " + call.number() + ")";
    }
  },
  WRITE {
    @Override
    long run(Lane lane, Call call) {
      int length = (int) call.number().number();
      return lane.kernel().write(lane.fd(call.fd()), lane.arena(), length);
    }

    @Override
    String text(Call call) {
      return "write(" + call.fd() + ", " + call.struct() + ", " + call.number() + ")";
    }
  },
  PREAD {
    @Override
    long run(Lane lane, Call call) {
      int length = (int) call.number().number();
      return lane.kernel().pread(lane.fd(call.fd()), lane.arena(), length, call.offset());
    }

    @Override
    String text(Call call) {
      return "pread(" + call.fd() + ", " + call.number() + ", " + at(call) + ")";
    }
  },
  PWRITE {
    @Override
    long run(Lane lane, Call call) {
      int length = (int) call.number().number();
      return lane.kernel().pwrite(lane.fd(call.fd()), lane.arena(), length, call.offset());
    }

    @Override
    String text(Call call) {
      String what = call.struct() + ", " + call.number() + ", " + at(call);
      return "pwrite(" + call.fd() + ", " + what + ")";
    }
  },
  MMAP {
    @Override
    long run(Lane lane, Call call) {
      Result<MappedMemory> mapped =
          lane.kernel()
              .mmap(
                  lane.fd(call.fd()),
                  call.offset(),
                  call.number().number(),
                  Linux.PROT_READ | Linux.PROT_WRITE,
                  Linux.MAP_SHARED);
      if (mapped.isOk()) {
        lane.mapped(call.outs().get(0).handle(), mapped.value());
      }
      return mapped.code();
    }

    @Override
    String text(Call call) {
      return "mmap(" + call.fd() + ", " + at(call) + ", " + call.number() + ")";
    }
  },
  MUNMAP {
    @Override
    long run(Lane lane, Call call) {
      return lane.unmap(call.fd().handle());
    }

    @Override
    String text(Call call) {
      return "munmap(" + call.fd() + ")";
    }
  },
  OPEN_GROUP_OF {
    @Override
    long run(Lane lane, Call call) {
      Result<String> group = lane.kernel().readLink(call.path() + "/iommu_group");
      if (!group.isOk()) {
        return group.code();
      }
      String number = group.value().substring(group.value().lastIndexOf('/') + 1);
      return lane.kernel().open("/dev/vfio/" + number, (int) call.number().number());
    }

    @Override
    String text(Call call) {
      return "open(the group of " + call.path() + ", " + call.number() + ")";
    }
  },
  OPEN_NODE_OF {
    @Override
    long run(Lane lane, Call call) {
      Result<List<String>> nodes = lane.kernel().list(call.path() + "/vfio-dev");
      if (!nodes.isOk()) {
        return nodes.code();
      }
      String node = "/dev/vfio/devices/" + nodes.value().get(0);
      return lane.kernel().open(node, (int) call.number().number());
    }

    @Override
    String text(Call call) {
      return "open(the node of " + call.path() + ", " + call.number() + ")";
    }
  },
  READ_FILE {
    @Override
    long run(Lane lane, Call call) {
      Result<byte[]> content = lane.kernel().readFile(call.path());
      if (content.isOk()) {
        lane.arena().put(0, content.value());
      }
      return content.code();
    }

    @Override
    String text(Call call) {
      return "read " + call.path();
    }
  },
  /** Removing a device that is open waits for whoever has it open, which may be this sequence. */
  WRITE_FILE_WHEN_CLOSED {
    @Override
    long run(Lane lane, Call call) {
      return lane.isAnythingOpen() ? Errno.EBUSY.result() : WRITE_FILE.run(lane, call);
    }

    @Override
    String text(Call call) {
      return WRITE_FILE.text(call);
    }
  },
  WRITE_FILE {
    @Override
    long run(Lane lane, Call call) {
      return lane.kernel().writeFile(call.path(), call.text().getBytes(StandardCharsets.US_ASCII));
    }

    @Override
    String text(Call call) {
      return "write \"" + call.text().replace("\n", "\\n") + "\" to " + call.path();
    }
  };

  abstract long run(Lane lane, Call call);

  abstract String text(Call call);

  private static String at(Call call) {
    return Argument.text(call.offset());
  }
}
