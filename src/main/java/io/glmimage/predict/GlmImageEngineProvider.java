package io.glmimage.predict;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;

/** Tells DJL of the engine {@value GlmImageDjlEngine#NAME}; found by ServiceLoader. */
public final class GlmImageEngineProvider implements EngineProvider {
  @Override
  public String getEngineName() {
    return GlmImageDjlEngine.NAME;
  }

  @Override
  public int getEngineRank() {
    return GlmImageDjlEngine.RANK;
  }

  @Override
  public Engine getEngine() {
    return Holder.ENGINE;
  }

  private static final class Holder {
    static final Engine ENGINE = new GlmImageDjlEngine();
  }
}
