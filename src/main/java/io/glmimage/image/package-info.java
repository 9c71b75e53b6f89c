/**
 * Images as 8-bit RGB values: file formats to pixels and back, orientation, and resizing as Pillow
 * and torch do it. This package knows files only as bytes; reading and writing them belongs to
 * {@code io}, and the choice of an output format to {@code output}.
 */
package io.glmimage.image;
