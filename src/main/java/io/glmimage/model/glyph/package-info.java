/**
 * The glyph encoder: embeds the quoted texts of a prompt byte by byte. Start with {@link
 * io.glmimage.model.glyph.GlyphEncoder}. What the transformer does with the embeddings does not
 * belong here.
 */
package io.glmimage.model.glyph;
