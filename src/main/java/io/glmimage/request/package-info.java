/**
 * Plain values that pass between the packages: a request that is ready for the model, and its
 * result. No tensors, files or options.
 */
package io.glmimage.request;
