/**
 * The image autoencoder: images to latents and back, in parts if an image is large. Start with
 * {@link io.glmimage.model.vae.Vae}. Noise and masks do not belong here: they are applied to
 * latents in {@code pipeline}.
 */
package io.glmimage.model.vae;
