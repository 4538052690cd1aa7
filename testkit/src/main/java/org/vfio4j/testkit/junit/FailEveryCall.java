// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The body of this test runs once as it is, and then once for each call that it makes of the
 * kernel, that call failing: see {@link org.vfio4j.testkit.failure.FailureSweep}, which says what
 * must hold.
 *
 * <p>Beside {@code @Test} or {@link VfioModeTest}. The body must take its kernel as a parameter of
 * the type {@link org.vfio4j.linux.Kernel} (one of the type {@link org.vfio4j.testkit.FakeKernel}
 * beside it is the fake below, where nothing fails), opens and closes all that it uses, and runs on
 * a thread of its own. {@code @BeforeEach} and {@code @AfterEach} run once for all of it.
 */
@Documented
@Target({ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface FailEveryCall {
  /** The names of errnos: {@code "EIO"}. Without any, the one that is usual for each call. */
  String[] errnos() default {};
}
