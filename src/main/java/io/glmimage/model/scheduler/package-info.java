/** The noise schedule of the denoising loop: plain arithmetic, no tensors. */
package io.glmimage.model.scheduler;
