/**
 * The autoregressive prior: vision tower and codebook for the sources, and the text model that
 * generates the tokens of the picture to draw.
 */
package io.glmimage.model.prior;
