package io.glmimage.predict;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractSymbolBlock;
import ai.djl.nn.ParameterList;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import ai.djl.util.passthrough.PassthroughNDArray;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.ArrayList;
import java.util.List;

/**
 * The model as a DJL block. One call of the engine turns N passed-through {@link EditRequest}s into
 * N {@link EditResult}s. An {@link EditResult} among the inputs is a request that has already
 * failed; the block passes it on unchanged.
 */
final class EditBlock extends AbstractSymbolBlock {
  private final EditEngine engine;

  EditBlock(EditEngine engine) {
    this.engine = engine;
  }

  @Override
  protected NDList forwardInternal(
      ParameterStore parameterStore,
      NDList inputs,
      boolean training,
      PairList<String, Object> params) {
    if (training) {
      throw new UnsupportedOperationException(
          "Cannot train: " + GlmImageDjlEngine.NAME + " only runs models");
    }
    List<EditRequest> requests = new ArrayList<>();
    List<Object> items = new ArrayList<>();
    for (NDArray input : inputs) {
      Object item = input instanceof PassthroughNDArray passed ? passed.getObject() : input;
      if (item instanceof EditRequest request) {
        requests.add(request);
      } else if (!(item instanceof EditResult)) {
        throw new IllegalArgumentException(
            "Cannot edit: the translator gave "
                + (item == null ? null : item.getClass().getName())
                + ", expected an EditRequest in a PassthroughNDArray; "
                + GlmImageTranslatorFactory.class.getName()
                + " has translators that do");
      }
      items.add(item);
    }
    List<EditResult> results = requests.isEmpty() ? List.of() : engine.edit(requests);
    if (results.size() != requests.size()) {
      throw new IllegalStateException(
          "Cannot edit: "
              + requests.size()
              + " requests gave "
              + results.size()
              + " results on "
              + engine.description());
    }
    NDList outputs = new NDList(items.size());
    int next = 0;
    for (Object item : items) {
      outputs.add(new PassthroughNDArray(item instanceof EditRequest ? results.get(next++) : item));
    }
    return outputs;
  }

  @Override
  public ParameterList getDirectParameters() {
    return new ParameterList();
  }

  /** Empty, because the inputs are not arrays. */
  @Override
  public PairList<String, Shape> describeInput() {
    return new PairList<>();
  }

  @Override
  public PairList<String, Shape> describeOutput() {
    return new PairList<>();
  }

  @Override
  public String toString() {
    return engine.description();
  }
}
