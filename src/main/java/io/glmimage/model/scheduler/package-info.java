/** The noise schedule: plain arithmetic, no tensors. */
package io.glmimage.model.scheduler;
