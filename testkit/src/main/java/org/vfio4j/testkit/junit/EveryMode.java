// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.junit;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;
import org.vfio4j.bridge.VfioMode;

/** What makes a {@link VfioModeTest} run once for each mode. */
public final class EveryMode implements TestTemplateInvocationContextProvider {
  @Override
  public boolean supportsTestTemplate(ExtensionContext context) {
    return true;
  }

  @Override
  public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(
      ExtensionContext context) {
    return VfioMode.all().stream().map(InMode::new);
  }

  /** A run in one mode. */
  private record InMode(VfioMode mode) implements TestTemplateInvocationContext {
    @Override
    public String getDisplayName(int invocation) {
      return mode.toString();
    }

    @Override
    public List<Extension> getAdditionalExtensions() {
      return List.of(new ModeParameter(mode));
    }
  }

  private record ModeParameter(VfioMode mode) implements ParameterResolver {
    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
      return parameter.getParameter().getType() == VfioMode.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
      return mode;
    }
  }
}
