// SPDX-License-Identifier: Apache-2.0
/**
 * What the library costs: calls, mappings, register accesses and interrupts, measured with JMH.
 *
 * <p>Each benchmark runs over the modes as data, so that generations, the kernel's compatibility
 * layer, the bridge and the fake are compared on one task. Times alone do not suffice: the hot
 * paths (map, unmap, register access, the wait for an interrupt, allocation from a pool) may
 * allocate nothing on the Java heap, and the allocation profiler is run to show it. Numbers of the
 * fake say what the library adds, and only those of a real kernel say what a program will see; a
 * report never mixes them.
 *
 * <p>The module is not published. It may depend on every other one and sees both generations, which
 * besides it only the bridge, the testkit, the examples and the command line may. Nothing depends
 * on it.
 */
package org.vfio4j.benchmarks;
