/**
 * The inputs of the prior model, made from a request: token ids of the prompt, patches of the
 * source images, and the output size. Plain arithmetic and the tokenizer library; no tensors. Rules
 * for rows of a manifest belong to {@code manifest}.
 */
package io.glmimage.model.processor;
