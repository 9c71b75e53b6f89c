/**
 * The inputs of the prior model, made from a request: the prompt as token ids, source images as
 * patches of normalised pixels, and the output size. Plain arithmetic and the tokenizer library; no
 * tensors. Rules for rows of a manifest belong to {@code manifest}.
 */
package io.glmimage.model.processor;
