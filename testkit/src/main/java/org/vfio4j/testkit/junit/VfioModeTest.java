// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A test that runs once in each mode, which a parameter of the type {@link
 * org.vfio4j.bridge.VfioMode} tells. With a {@link FakeVfio}, modes that its kernel does not have
 * are skipped.
 */
@Documented
@Target({ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@TestTemplate
@ExtendWith(EveryMode.class)
public @interface VfioModeTest {}
