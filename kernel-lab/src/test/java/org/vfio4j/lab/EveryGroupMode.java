// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * As {@link EveryMode}, and once more on the old kernel, which has the two oldest modes: those of
 * groups without iommufd.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@Tag("lab")
@Tag("lab-group")
@ParameterizedTest(name = "{0}")
@MethodSource("org.vfio4j.lab.Lab#modes")
@interface EveryGroupMode {}
