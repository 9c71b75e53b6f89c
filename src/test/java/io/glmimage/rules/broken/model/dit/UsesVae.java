package io.glmimage.rules.broken.model.dit;

/** Sample that breaks a rule. */
public final class UsesVae {
  private UsesVae() {}

  public static long size() {
    return io.glmimage.rules.broken.model.vae.Decoder.size();
  }
}
