/**
 * Connects the networks to whole edits. {@link io.glmimage.pipeline.GlmImagePipeline} has the
 * numbered steps. {@code PipelineLoader} loads and checks a checkpoint's components. {@code
 * CheckpointInspector} checks them without loading weights. {@code MemoryCheck} compares the
 * weights with the free memory before loading, and {@code MemoryShortage} decides what happens when
 * the device runs out of memory later. Nothing here knows about manifests, Spark or DJL.
 */
package io.glmimage.pipeline;
