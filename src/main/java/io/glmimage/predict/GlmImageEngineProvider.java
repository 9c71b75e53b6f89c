package io.glmimage.predict;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import io.glmimage.natives.DjlSwitches;

/**
 * Provides the engine {@value GlmImageDjlEngine#NAME} to DJL, which finds this class by
 * ServiceLoader.
 */
public final class GlmImageEngineProvider implements EngineProvider {
  static {
    // DJL creates its providers before it loads an engine, and reports that load.
    DjlSwitches.stayOffline();
  }

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
