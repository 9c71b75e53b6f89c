/**
 * The noise schedule of the denoising loop: plain arithmetic, no tensors. The update of the latents
 * is an operation of {@code kernel}.
 */
package io.glmimage.model.scheduler;
