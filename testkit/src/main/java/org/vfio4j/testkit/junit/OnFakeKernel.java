// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Gives each test a fake kernel of its own, as {@link FakeVfio} does; of a method it goes before
 * that of its class.
 */
@Documented
@Inherited
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(FakeVfio.class)
public @interface OnFakeKernel {
  /** What it runs on. */
  Class<? extends MachineDescription> machine();

  KernelVersion version() default KernelVersion.LINUX_6_12;
}
