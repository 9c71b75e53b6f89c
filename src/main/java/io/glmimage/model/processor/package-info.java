/**
 * From a request to the inputs of the prior model: the prompt as token ids, source images as
 * patches of normalised pixels, and the output size. Plain arithmetic and the tokenizer library; no
 * tensors.
 */
package io.glmimage.model.processor;
