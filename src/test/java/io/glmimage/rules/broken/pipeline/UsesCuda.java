package io.glmimage.rules.broken.pipeline;

/** Sample that breaks a rule. */
public final class UsesCuda {
  private UsesCuda() {}

  public static Class<?> stream() {
    return org.bytedeco.cuda.cudart.CUstream_st.class;
  }
}
