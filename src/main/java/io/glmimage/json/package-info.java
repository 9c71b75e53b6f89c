/**
 * The JSON mappers of the program and checks of JSON text, which every package may use. What a
 * document contains is decided where the document is read or written.
 */
package io.glmimage.json;
