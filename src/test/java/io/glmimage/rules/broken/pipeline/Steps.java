package io.glmimage.rules.broken.pipeline;

/** Sample that obeys the rules. */
public final class Steps {
  private Steps() {}

  public static long size() {
    return io.glmimage.rules.broken.model.vae.Decoder.size();
  }
}
