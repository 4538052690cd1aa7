// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.Store;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.ReflectionSupport;
import org.opentest4j.TestAbortedException;
import org.vfio4j.Errno;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.Kernel;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.failure.FailureSweep;
import org.vfio4j.testkit.machine.Held;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Gives each test a fake kernel of its own, and fails a test that leaves something in it: a
 * descriptor, a mapping, pinned memory or an object, with the place where it was asked for.
 *
 * <pre>{@code
 * class MyDriverTest {
 *   @RegisterExtension
 *   final FakeVfio vfio =
 *       FakeVfio.with(machine -> machine.device("0000:00:05.0", new EduModel()).inGroup(5).boundTo("vfio-pci"));
 *
 *   @Test
 *   void works(Kernel kernel) { ... }
 *
 *   @VfioModeTest
 *   void worksInEveryMode(Kernel kernel, VfioMode mode) { ... }
 *
 *   @VfioModeTest
 *   @FailEveryCall
 *   void survives(Kernel kernel, VfioMode mode) { ... }
 * }
 * }</pre>
 *
 * <p>Tests, {@code @BeforeEach} and {@code @AfterEach} get the kernel as a parameter of the type
 * {@link Kernel} or {@link FakeKernel}, all of one test the same. {@link OnFakeKernel} is the same
 * by annotation. For tests that run in parallel, too: nothing is shared.
 */
public final class FakeVfio
    implements BeforeEachCallback, AfterEachCallback, ParameterResolver, InvocationInterceptor {
  private static final Namespace NAMESPACE = Namespace.create(FakeVfio.class);

  /** The first parts of class names that are of no interest to who looks for a leak. */
  private static final List<String> OURS =
      List.of(
          "java.",
          "org.vfio4j.linux.",
          "org.vfio4j.dma.",
          "org.vfio4j.iommufd.",
          "org.vfio4j.device.",
          "org.vfio4j.group.",
          "org.vfio4j.cdev.",
          "org.vfio4j.mdev.",
          "org.vfio4j.bridge.",
          "org.vfio4j.testkit.kernel.",
          "org.vfio4j.testkit.failure.",
          "org.vfio4j.testkit.trace.",
          "org.vfio4j.testkit.FakeKernel");

  private final KernelVersion version;
  private final MachineDescription machine;

  /** For {@link OnFakeKernel}, which says the rest. */
  public FakeVfio() {
    this(null, null);
  }

  private FakeVfio(KernelVersion version, MachineDescription machine) {
    this.version = version;
    this.machine = machine;
  }

  /** On Linux 6.12, with what {@code machine} puts into the machine. */
  public static FakeVfio with(MachineDescription machine) {
    return with(KernelVersion.LINUX_6_12, machine);
  }

  public static FakeVfio with(KernelVersion version, MachineDescription machine) {
    return new FakeVfio(version, machine);
  }

  private FakeKernel make(ExtensionContext context) {
    if (machine != null) {
      return FakeKernel.of(version, machine::describe).rememberOrigins();
    }
    OnFakeKernel annotation =
        context
            .getTestMethod()
            .flatMap(method -> AnnotationSupport.findAnnotation(method, OnFakeKernel.class))
            .or(() -> ofClass(context))
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        "FakeVfio was registered without a machine: use @OnFakeKernel, or"
                            + " @RegisterExtension and FakeVfio.with"));
    MachineDescription description = newInstance(annotation.machine());
    return FakeKernel.of(annotation.version(), description::describe).rememberOrigins();
  }

  /** Of the class, or of one around it. */
  private static Optional<OnFakeKernel> ofClass(ExtensionContext context) {
    Optional<OnFakeKernel> found = Optional.empty();
    for (Class<?> type = context.getRequiredTestClass();
        type != null && found.isEmpty();
        type = type.getEnclosingClass()) {
      found = AnnotationSupport.findAnnotation(type, OnFakeKernel.class);
    }
    return found;
  }

  private static MachineDescription newInstance(Class<? extends MachineDescription> type) {
    try {
      Constructor<? extends MachineDescription> constructor = type.getDeclaredConstructor();
      constructor.setAccessible(true);
      return constructor.newInstance();
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException(
          type.getName() + " needs a constructor without parameters", e);
    }
  }

  /** One per test, whoever asks for it first. */
  private FakeKernel kernel(ExtensionContext context) {
    Store store = context.getStore(NAMESPACE);
    FakeKernel kernel = store.get(this, FakeKernel.class);
    if (kernel == null) {
      kernel = make(context);
      store.put(this, kernel);
    }
    return kernel;
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    kernel(context);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (context.getExecutionException().isPresent()) {
      // What a failed test has left is no news.
      return;
    }
    List<Held> left = kernel(context).held();
    if (left.isEmpty()) {
      return;
    }
    StringBuilder text = new StringBuilder("the test left in the kernel:");
    left.forEach(held -> text.append("\n  ").append(held).append(place(held)));
    AssertionError error = new AssertionError(text.toString());
    left.forEach(held -> held.takenAt().ifPresent(error::addSuppressed));
    throw error;
  }

  /**
   * The first frame that is not of this library: where the test, or what it tests, asked for it.
   */
  private static String place(Held held) {
    return held.takenAt().stream()
        .flatMap(at -> Arrays.stream(at.getStackTrace()))
        .filter(frame -> !isOurs(frame.getClassName()))
        .findFirst()
        .map(frame -> ", from " + frame)
        .orElse("");
  }

  private static boolean isOurs(String className) {
    return OURS.stream().anyMatch(className::startsWith);
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    return context.getTestMethod().isPresent()
        && (type == Kernel.class || type == FakeKernel.class);
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return kernel(context);
  }

  @Override
  public void interceptTestMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> body,
      ExtensionContext context)
      throws Throwable {
    intercept(invocation, body, context);
  }

  @Override
  public void interceptTestTemplateMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> body,
      ExtensionContext context)
      throws Throwable {
    intercept(invocation, body, context);
  }

  private void intercept(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> body,
      ExtensionContext context)
      throws Throwable {
    for (Object argument : body.getArguments()) {
      if (argument instanceof VfioMode mode && !kernel(context).modes().contains(mode)) {
        invocation.skip();
        throw new TestAbortedException("this kernel does not have the mode " + mode);
      }
    }
    Optional<FailEveryCall> wanted =
        AnnotationSupport.findAnnotation(body.getExecutable(), FailEveryCall.class);
    if (wanted.isEmpty()) {
      invocation.proceed();
      return;
    }
    invocation.skip();
    Class<?>[] types = body.getExecutable().getParameterTypes();
    if (!Arrays.asList(types).contains(Kernel.class)) {
      throw new IllegalStateException(
          body.getExecutable() + " has @FailEveryCall and no parameter of the type Kernel");
    }
    AtomicReference<FakeKernel> fake = new AtomicReference<>();
    FailureSweep sweep =
        FailureSweep.of(
            () -> {
              fake.set(make(context));
              return fake.get();
            },
            kernel -> run(body, types, kernel, fake.get()));
    if (wanted.get().errnos().length == 0) {
      sweep.calls();
    }
    for (String errno : wanted.get().errnos()) {
      sweep.with(Errno.valueOf(errno)).calls();
    }
  }

  /** With the kernel of this attempt for all parameters: the one that fails, and the fake below. */
  private static void run(
      ReflectiveInvocationContext<Method> body, Class<?>[] types, Kernel kernel, FakeKernel fake) {
    List<Object> arguments = new ArrayList<>(body.getArguments());
    for (int i = 0; i < types.length; i++) {
      if (types[i] == Kernel.class) {
        arguments.set(i, kernel);
      } else if (types[i] == FakeKernel.class) {
        arguments.set(i, fake);
      }
    }
    ReflectionSupport.invokeMethod(
        body.getExecutable(), body.getTarget().orElse(null), arguments.toArray());
  }
}
