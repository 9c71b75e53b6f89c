package io.glmimage.rules.broken.model.vae;

/** Sample that obeys the rules. */
public final class Decoder {
  private Decoder() {}

  public static long size() {
    return io.glmimage.rules.broken.tensor.Handle.size();
  }
}
