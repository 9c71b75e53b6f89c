/**
 * Digests of bytes and texts, for every package. What is digested, and in which order, is decided
 * where the digest is used.
 */
package io.glmimage.digest;
