/**
 * Checksums for everybody: digests of bytes and texts. What is digested, and in which order, is
 * decided where the digest is used.
 */
package io.glmimage.digest;
