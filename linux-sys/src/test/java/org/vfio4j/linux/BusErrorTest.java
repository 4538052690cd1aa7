// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.memory.MappedMemory;

/**
 * Memory that does not answer, played by a mapped file that lost its end. In a JVM of its own,
 * since the error may come late and anywhere.
 */
@Timeout(120)
class BusErrorTest {
  private static final int ROUNDS = 10_000;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation", "-Xmixed"})
  void isAnExceptionAndNeverTheEndOfTheJvm(String mode) throws Exception {
    Path output = folder.resolve("output");
    Process jvm =
        new ProcessBuilder(
                System.getProperty("java.home") + "/bin/java",
                mode,
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=/dev/null",
                "-cp",
                System.getProperty("java.class.path"),
                BusErrorTest.class.getName(),
                folder.resolve("file").toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = jvm.waitFor(60, TimeUnit.SECONDS);
    jvm.destroyForcibly();
    assertThat(ended).as("ended by itself").isTrue();
    assertThat(jvm.exitValue()).as(Files.readString(output)).isZero();
  }

  /**
   * Exits with 0 when every kind of access has led to an error, sooner or later; JDK 17: one kind.
   */
  @SuppressWarnings("SystemExitOutsideMain")
  public static void main(String[] args) throws Exception {
    Kernel kernel = Kernel.host();
    MappedMemory memory;
    try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
      file.setLength(4096);
      int fd = kernel.open(args[0], Linux.O_RDWR);
      int rw = Linux.PROT_READ | Linux.PROT_WRITE;
      memory = kernel.mmap(fd, 0, 4096, rw, Linux.MAP_SHARED).value();
      for (int kind = 0; kind < 6; kind++) {
        for (int i = 0; i < ROUNDS; i++) {
          access(memory, kind);
        }
      }
      file.setLength(0);
    }
    int reports = 0;
    for (int kind = 0; kind < 6; kind++) {
      int each = kind;
      AtomicReference<Throwable> told = new AtomicReference<>();
      // On JDK 17 the error can come outside of any try block of the thread.
      Thread thread = new Thread(() -> accessUntilTold(memory, each));
      thread.setUncaughtExceptionHandler((from, error) -> told.set(error));
      thread.start();
      thread.join();
      if (isReport(told.get())) {
        reports++;
      }
    }
    // JDK 17 keeps some to itself.
    int expected = Runtime.version().feature() < 25 ? 1 : 6;
    System.exit(reports >= expected ? 0 : 10 + reports);
  }

  private static void accessUntilTold(MappedMemory memory, int kind) {
    for (int attempt = 0; attempt < 20; attempt++) {
      for (int i = 0; i < 20; i++) {
        access(memory, kind);
      }
      System.gc(); // Where JDK 17 delivers what it still has.
    }
  }

  private static boolean isReport(Throwable error) {
    if (error instanceof VfioException failure) {
      return failure.reason() == Reason.DEVICE_FAULT && failure.getMessage().contains("SIGBUS");
    }
    return error instanceof InternalError;
  }

  private static void access(MappedMemory memory, int kind) {
    switch (kind) {
      case 0 -> memory.getByte(0);
      case 1 -> memory.getIntLe(0);
      case 2 -> memory.putLongLe(0, 1);
      case 3 -> memory.read(0, new byte[64], 0, 64);
      case 4 -> memory.write(0, new byte[64], 0, 64);
      default -> memory.fill(0, 64, (byte) 1);
    }
  }
}
