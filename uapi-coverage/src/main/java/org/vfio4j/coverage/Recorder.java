// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.mockito.internal.PremainAttachAccess;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;
import org.vfio4j.linux.Leaks;
import org.vfio4j.memory.NativeBlock;

/**
 * Sees the calls that tests make, on the fake kernel and on the real one: at the end of each {@code
 * ioctl}, {@code read} and {@code write} of the two kernels' classes it is told what was called
 * with which result.
 *
 * <p>The code for that is put into the two classes as they are loaded, by the agent that Mockito
 * brings into every test JVM, so that neither they nor the tests know of it.
 */
public final class Recorder {
  private static final String FAKE = "org/vfio4j/testkit/kernel/SystemCalls";
  private static final String REAL = "org/vfio4j/linux/HostKernel";
  private static final String SELF = Recorder.class.getName().replace('.', '/');
  private static final String BLOCK = "Lorg/vfio4j/memory/NativeBlock;";

  private static final AtomicBoolean STARTED = new AtomicBoolean();
  private static final Inventory INVENTORY = Inventory.load();
  private static final Sightings ON_FAKE = new Sightings(INVENTORY);
  private static final Sightings ON_REAL = new Sightings(INVENTORY);
  private static final Sightings NOBODYS = new Sightings(INVENTORY);

  private Recorder() {}

  /** From here on; false where no agent is in this JVM, or another one records already. */
  static boolean start() {
    if (STARTED.getAndSet(true)) {
      return false;
    }
    Instrumentation instrumentation;
    try {
      instrumentation = PremainAttachAccess.getInstrumentation();
    } catch (RuntimeException e) {
      return false;
    }
    if (instrumentation == null) {
      return false;
    }
    instrumentation.addTransformer(
        new ClassFileTransformer() {
          @Override
          public byte[] transform(
              ClassLoader loader,
              String name,
              Class<?> redefined,
              ProtectionDomain domain,
              byte[] bytes) {
            return FAKE.equals(name) || REAL.equals(name) ? instrumented(bytes) : null;
          }
        });
    return true;
  }

  static void test(String name) {
    ON_FAKE.test(name);
    ON_REAL.test(name);
  }

  /** One that shows nothing, since its input is made at random. */
  static void randomTest() {
    ON_FAKE.randomTest();
    ON_REAL.randomTest();
  }

  /** What the garbage collector gives back is none of the test's that happens to run. */
  private static Sightings on(boolean real) {
    if (Leaks.isReleasing()) {
      return NOBODYS;
    }
    return real ? ON_REAL : ON_FAKE;
  }

  /** What another JVM of the running test's has seen on the real kernel. */
  static void shown(Set<String> names) {
    ON_REAL.shown(names);
  }

  /** What each test showed on the fake kernel, or on the real one. */
  static Map<String, Set<String>> seen(boolean real) {
    return (real ? ON_REAL : ON_FAKE).all();
  }

  /** Called at the end of an ioctl. */
  public static void ioctl(int result, int fd, int request, long argument, boolean real) {
    on(real).ioctl(fd, request, argument, result);
  }

  /** Called at the end of an ioctl. */
  public static void ioctl(int result, int fd, int request, NativeBlock argument, boolean real) {
    on(real).ioctl(fd, request, argument, result);
  }

  /** Called at the end of an open. */
  public static void open(int result, String path, boolean real) {
    (real ? ON_REAL : ON_FAKE).opened(result, path);
  }

  /** Called at the end of a dup. */
  public static void dup(int result, int fd, boolean real) {
    (real ? ON_REAL : ON_FAKE).duplicated(result, fd);
  }

  /** Called at the end of a close. */
  public static void close(int result, int fd, boolean real) {
    if (result >= 0) {
      (real ? ON_REAL : ON_FAKE).closed(fd);
    }
  }

  /** Called at the end of a read. */
  public static void read(long result, int fd, NativeBlock bytes, boolean real) {
    on(real).transferred(fd, bytes, result, true);
  }

  /** Called at the end of a write. */
  public static void write(long result, int fd, NativeBlock bytes, boolean real) {
    on(real).transferred(fd, bytes, result, false);
  }

  private static byte[] instrumented(byte[] bytes) {
    ClassReader reader = new ClassReader(bytes);
    boolean real = reader.getClassName().equals(REAL);
    ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, writer) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] exceptions) {
            MethodVisitor method =
                super.visitMethod(access, name, descriptor, signature, exceptions);
            return switch (name + descriptor) {
              case "ioctl(IIJ)I",
                  "ioctl(II" + BLOCK + ")I",
                  "open(Ljava/lang/String;I)I",
                  "dup(I)I",
                  "close(I)I",
                  "read(I" + BLOCK + "I)J",
                  "write(I" + BLOCK + "I)J" ->
                  new Ending(method, name, descriptor, real);
              default -> method;
            };
          }
        },
        0);
    return writer.toByteArray();
  }

  /** Tells the recorder before each return: of the result, of the arguments, of the kernel. */
  private static final class Ending extends MethodVisitor {
    private final String name;
    private final Type[] arguments;
    private final Type result;
    private final boolean real;

    Ending(MethodVisitor method, String name, String descriptor, boolean real) {
      super(Opcodes.ASM9, method);
      this.name = name;
      // The length of a read or a write, and the flags of an open, say nothing.
      Type[] all = Type.getArgumentTypes(descriptor);
      boolean whole = List.of("ioctl", "dup", "close").contains(name);
      this.arguments = whole ? all : Arrays.copyOf(all, all.length - 1);
      this.result = Type.getReturnType(descriptor);
      this.real = real;
    }

    @Override
    public void visitInsn(int opcode) {
      if (opcode == result.getOpcode(Opcodes.IRETURN)) {
        List<Type> told = new ArrayList<>(List.of(result));
        super.visitInsn(result.getSize() == 1 ? Opcodes.DUP : Opcodes.DUP2);
        int slot = 1;
        for (Type argument : arguments) {
          super.visitVarInsn(argument.getOpcode(Opcodes.ILOAD), slot);
          slot += argument.getSize();
          told.add(argument);
        }
        super.visitInsn(real ? Opcodes.ICONST_1 : Opcodes.ICONST_0);
        told.add(Type.BOOLEAN_TYPE);
        String descriptor = Type.getMethodDescriptor(Type.VOID_TYPE, told.toArray(new Type[0]));
        super.visitMethodInsn(Opcodes.INVOKESTATIC, SELF, name, descriptor, false);
      }
      super.visitInsn(opcode);
    }
  }
}
