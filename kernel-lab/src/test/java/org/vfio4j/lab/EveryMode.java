// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.VfioMode;

/** A scenario that runs in each mode, those of the bridge among them; its parameter is the mode. */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@Tag("lab")
@ParameterizedTest(name = "{0}")
@EnumSource(VfioMode.class)
@interface EveryMode {}
