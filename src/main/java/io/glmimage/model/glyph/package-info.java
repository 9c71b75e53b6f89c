/** The glyph encoder: the quoted texts of a prompt as embeddings of their bytes. */
package io.glmimage.model.glyph;
