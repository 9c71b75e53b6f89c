/**
 * The diffusion transformer: predicts noise from latents, glyph embeddings and prior ids. Start
 * with {@link io.glmimage.model.dit.GlmImageTransformer}, then read {@code PackedForward}, the
 * forward pass. Configuration ({@code DitConfig}), weights ({@code DitWeights}) and the state of
 * one image ({@code Denoiser}) are separate; only the state changes. The loop over the steps
 * belongs to {@code pipeline}, noise levels to {@code model.scheduler}, operations with a CUDA
 * kernel to {@code kernel}.
 */
package io.glmimage.model.dit;
