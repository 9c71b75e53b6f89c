package io.glmimage.rules.broken.predict;

/** Sample that breaks a rule. */
public final class UsesModel {
  private UsesModel() {}

  public static long size() {
    return io.glmimage.rules.broken.model.vae.Decoder.size();
  }
}
