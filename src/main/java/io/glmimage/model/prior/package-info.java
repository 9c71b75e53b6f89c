/**
 * The autoregressive prior: vision tower and codebook for the source images, and the text model
 * that generates the tokens of the image to draw. Start with {@link
 * io.glmimage.model.prior.PriorModel}; {@code PriorDecoder} is the text model, {@code DecodeSlots}
 * its state, {@code SlotScheduler} which row is in which slot. Token ids and patches come from
 * {@code model.processor}; what happens when memory runs out is decided in {@code pipeline}.
 */
package io.glmimage.model.prior;
