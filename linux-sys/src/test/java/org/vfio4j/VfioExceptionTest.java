// SPDX-License-Identifier: Apache-2.0
package org.vfio4j;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException.Reason;

class VfioExceptionTest {
  @Test
  void saysEverythingInOrder() {
    Throwable cause = new IllegalStateException();
    VfioException e =
        VfioException.failed(Reason.LIMIT, "IOMMU_IOAS_MAP")
            .on("of 64 MiB in IOAS 2")
            .result(-12)
            .fact("RLIMIT_MEMLOCK is 8 MiB")
            .hint("raise the limit")
            .cause(cause)
            .build();
    assertThat(e)
        .hasMessage(
            """
            IOMMU_IOAS_MAP of 64 MiB in IOAS 2 failed: ENOMEM (Cannot allocate memory)
              fact: RLIMIT_MEMLOCK is 8 MiB
              hint: raise the limit\
            """)
        .hasCause(cause);
    assertThat(e.reason()).isEqualTo(Reason.LIMIT);
    assertThat(e.errno()).contains(Errno.ENOMEM);
    assertThat(e.operation()).isEqualTo("IOMMU_IOAS_MAP");
    assertThat(e.object()).isEqualTo("of 64 MiB in IOAS 2");
    assertThat(e.fact()).isEqualTo("RLIMIT_MEMLOCK is 8 MiB");
    assertThat(e.hint()).isEqualTo("raise the limit");
  }

  @Test
  void leavesOutWhatIsNotKnown() {
    VfioException e = VfioException.failed(Reason.OTHER, "poll").build();
    assertThat(e).hasMessage("poll failed").hasNoCause();
    assertThat(e.errno()).isEmpty();
    assertThat(e.object()).isEmpty();
    assertThat(e.fact()).isEmpty();
    assertThat(e.hint()).isEmpty();
  }

  @Test
  void whatTheKernelLacksSaysWhatItNeeds() {
    VfioException e =
        VfioException.failed(Reason.NOT_IN_KERNEL, "IOMMU_VIOMMU_ALLOC")
            .errno(Errno.ENOTTY)
            .build();
    assertThat(e.hint()).isEqualTo("it needs Linux 6.13 or later with CONFIG_IOMMUFD");
    e = VfioException.failed(Reason.NOT_IN_KERNEL, "IOMMU_IOAS_NOIOMMU_GET_PA").build();
    assertThat(e.hint())
        .isEqualTo("it needs Linux 7.3 (about) or later with CONFIG_IOMMUFD_NOIOMMU");
    e = VfioException.failed(Reason.NOT_IN_KERNEL, "IOMMU_VIOMMU_ALLOC").hint("load it").build();
    assertThat(e.hint()).isEqualTo("load it");
    assertThat(VfioException.failed(Reason.NOT_IN_KERNEL, "open").build().hint()).isEmpty();
    assertThat(VfioException.failed(Reason.OTHER, "IOMMU_DESTROY").build().hint()).isEmpty();
  }
}
