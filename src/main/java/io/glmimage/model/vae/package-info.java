/** The image autoencoder: pictures to latents and back. */
package io.glmimage.model.vae;
