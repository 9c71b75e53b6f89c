/**
 * Measurement: the body of the {@code bench} command, GPU sampling and this process's memory. The
 * only package outside {@code pipeline} that uses the networks directly. Benchmarks of single parts
 * belong to the test sources. Start with {@link io.glmimage.bench.PipelineBenchmark}.
 */
package io.glmimage.bench;
