/**
 * The glyph encoder: embeds the quoted texts of a prompt byte by byte. Start with {@link
 * io.glmimage.model.glyph.GlyphEncoder}.
 */
package io.glmimage.model.glyph;
