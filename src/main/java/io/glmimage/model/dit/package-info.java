/**
 * The diffusion transformer: predicts noise from latents, glyph embeddings and prior ids. Start
 * with {@link io.glmimage.model.dit.GlmImageTransformer}, then read {@code PackedForward}, the
 * forward pass. Configuration ({@code DitConfig}), weights ({@code DitWeights}) and the state of
 * one image ({@code Denoiser}) are separate; only the state changes.
 */
package io.glmimage.model.dit;
