package io.glmimage.spark.engine;

import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/** An engine that passes all calls to another one. Subclasses do more. */
public abstract class ForwardingEngine implements EditEngine {
  private final EditEngine engine;

  protected ForwardingEngine(EditEngine engine) {
    this.engine = engine;
  }

  @Override
  public List<EditResult> edit(List<EditRequest> requests) {
    return engine.edit(requests);
  }

  @Override
  public int rowsTogether() {
    return engine.rowsTogether();
  }

  @Override
  public String description() {
    return engine.description();
  }

  @Override
  public void close() {
    engine.close();
  }
}
