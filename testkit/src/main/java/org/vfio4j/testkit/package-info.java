// SPDX-License-Identifier: Apache-2.0
/**
 * A kernel in memory, with device models behind it, for tests that need neither hardware nor
 * privileges.
 *
 * <p>The fake kernel implements the port of {@code linux-sys} by the kernel's rules: who may open
 * what, which state allows which call, what every field of an answer holds, and which errno follows
 * from which mistake. Behind it stand devices with registers, interrupts and DMA that obeys the
 * mappings in force, and a driver under test finds out what it would find out on the machine.
 * Faults can be injected at every call. A JUnit extension sets up a topology for each test, and
 * fails the test that leaves something open.
 *
 * <p>It is meant for programs that use the library as much as for the library itself, so it is
 * published, and its public API is kept as stable as the rest. It depends on all the other
 * published modules, since it shares their structs and numbers and serves both generations and the
 * bridge; no published module depends on it, and no class of it is needed at run time. JUnit is
 * needed only by those who use the extension.
 *
 * <p>What the fake answers is never a matter of opinion. The same scenarios, and the same random
 * sequences of calls, run on the fake and on a real kernel in the lab, and results, errnos and
 * out-fields must be equal. Where the two differ, the kernel is right. What the lab's kernel cannot
 * show is marked as such.
 */
package org.vfio4j.testkit;
