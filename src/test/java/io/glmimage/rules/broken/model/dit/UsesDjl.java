package io.glmimage.rules.broken.model.dit;

/** Sample that breaks a rule. */
public final class UsesDjl {
  private UsesDjl() {}

  public static Class<?> model() {
    return ai.djl.Model.class;
  }
}
