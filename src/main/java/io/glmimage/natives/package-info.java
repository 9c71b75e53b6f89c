/** Loads native libraries through JavaCPP; for the packages that have one. */
package io.glmimage.natives;
