/**
 * The diffusion transformer: from latents, glyph embeddings and prior ids to predicted noise. Start
 * with {@link io.glmimage.model.dit.GlmImageTransformer}.
 */
package io.glmimage.model.dit;
