package io.glmimage.jinja;

/**
 * A value that a template can test for and pass on, but not read.
 *
 * @param text what a print gives
 */
public record OpaqueValue(String text) {
  @Override
  public String toString() {
    return text;
  }
}
