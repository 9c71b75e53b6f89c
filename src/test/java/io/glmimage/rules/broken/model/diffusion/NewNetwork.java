package io.glmimage.rules.broken.model.diffusion;

/** Sample that breaks a rule. */
public final class NewNetwork {
  private NewNetwork() {}

  public static long size() {
    return 0;
  }
}
