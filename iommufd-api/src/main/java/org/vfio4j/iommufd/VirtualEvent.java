// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.Optional;
import org.vfio4j.memory.NativeBlock;

/**
 * An event for a guest, or the note that events were lost.
 *
 * @param sequence its number, from 0 on; after 2^31 - 1 comes 0
 * @param lost how many events were lost just before it; of a note, at least 1
 * @param deviceCookie which device it is about, where the type of the event tells; empty otherwise
 * @param data the event in the form of the IOMMU's make; empty for a note
 */
public record VirtualEvent(
    int sequence, int lost, Optional<DeviceCookie> deviceCookie, Optional<NativeBlock> data) {}
