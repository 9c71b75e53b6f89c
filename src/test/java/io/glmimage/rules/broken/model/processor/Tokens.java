package io.glmimage.rules.broken.model.processor;

/** Sample that obeys the rules. */
public final class Tokens {
  private Tokens() {}

  public static Class<?> tokenizer() {
    return ai.djl.huggingface.tokenizers.HuggingFaceTokenizer.class;
  }
}
