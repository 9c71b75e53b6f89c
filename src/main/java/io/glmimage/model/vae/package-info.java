/**
 * The image autoencoder: images to latents and back. Start with {@link io.glmimage.model.vae.Vae}.
 */
package io.glmimage.model.vae;
