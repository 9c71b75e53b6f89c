/**
 * Connects the networks to whole edits. {@link io.glmimage.pipeline.GlmImagePipeline} has the
 * numbered steps. {@code PipelineLoader} loads and checks a checkpoint's components, {@code
 * MemoryShortage} decides what happens when the device runs out of memory. Nothing here knows about
 * manifests, Spark or DJL.
 */
package io.glmimage.pipeline;
