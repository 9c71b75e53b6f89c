/**
 * The networks, one package each: {@code processor}, {@code prior}, {@code glyph}, {@code dit},
 * {@code scheduler}, {@code vae}. No network imports another; {@code pipeline} connects them. This
 * package itself holds only what they share: grids, size limits, the observer of intermediate
 * values.
 */
package io.glmimage.model;
