package io.glmimage.spark.weights;

import io.glmimage.spark.LocalUnderScheme;

/** The local disk under another scheme, so that it counts as a remote store. */
public final class SchemeFileSystem extends LocalUnderScheme {
  @Override
  public String getScheme() {
    return "elsewhere";
  }
}
