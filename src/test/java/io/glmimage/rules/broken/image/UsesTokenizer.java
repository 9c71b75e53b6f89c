package io.glmimage.rules.broken.image;

/** Sample that breaks a rule. */
public final class UsesTokenizer {
  private UsesTokenizer() {}

  public static Class<?> tokenizer() {
    return ai.djl.huggingface.tokenizers.HuggingFaceTokenizer.class;
  }
}
