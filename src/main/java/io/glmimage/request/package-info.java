/**
 * Requests and their results: the plain values that cross from the job, DJL and {@code ImageEditor}
 * into the model, and the digests of their content. Every package may use them. How a request is
 * made from a row or from JSON does not belong here.
 */
package io.glmimage.request;
