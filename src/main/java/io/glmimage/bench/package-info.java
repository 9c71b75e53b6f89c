/**
 * Measurement: the body of the {@code bench} command, GPU sampling and this process's memory. The
 * only code that may reach into the pipeline's parts from outside.
 */
package io.glmimage.bench;
