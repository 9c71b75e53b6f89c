package io.glmimage.predict;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.translate.Batchifier;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import ai.djl.util.passthrough.PassthroughNDArray;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/**
 * Converts a predictor's inputs to requests, and their results to outputs. A batch stays a batch:
 * the engine receives all its requests in one call.
 *
 * @param <I> the predictor's input
 * @param <O> the predictor's output
 */
abstract class RequestTranslator<I, O> implements Translator<I, O> {
  /** The failure of an input that is null. */
  static InvalidRequestException noContent(String id) {
    return new InvalidRequestException("Cannot edit request " + id + ": it has no content");
  }

  /**
   * @param input may be null, as a row of a DataFrame
   * @param id names a request without an id of its own in messages
   * @throws InvalidRequestException if the input is not a valid request; the others of the batch
   *     continue
   * @throws TranslateException if the input is not a valid request; ends the batch
   */
  abstract EditRequest request(I input, String id) throws TranslateException;

  /**
   * @throws TranslateException if a failed result has no output; ends the batch
   */
  abstract O output(EditResult result) throws TranslateException;

  @Override
  public final NDList processInput(TranslatorContext context, I input) throws TranslateException {
    return item(input, "1 of 1");
  }

  @Override
  public final NDList batchProcessInput(TranslatorContext context, List<I> inputs)
      throws TranslateException {
    NDList batch = new NDList(inputs.size());
    for (int i = 0; i < inputs.size(); i++) {
      batch.addAll(item(inputs.get(i), (i + 1) + " of " + inputs.size()));
    }
    return batch;
  }

  private NDList item(I input, String id) throws TranslateException {
    Object item;
    try {
      item = request(input, id);
    } catch (InvalidRequestException e) {
      item = EditResult.failed(id, e);
    }
    return new NDList(new PassthroughNDArray(item));
  }

  @Override
  public final O processOutput(TranslatorContext context, NDList list) throws TranslateException {
    NDArray only = list.singletonOrThrow();
    return output((EditResult) ((PassthroughNDArray) only).getObject());
  }

  @Override
  public final Batchifier getBatchifier() {
    return new Requests();
  }

  /** A batch of N requests is a list of N elements. */
  private static final class Requests implements Batchifier {
    private static final long serialVersionUID = 1L;

    @Override
    public NDList batchify(NDList[] inputs) {
      NDList batch = new NDList(inputs.length);
      for (NDList input : inputs) {
        batch.addAll(input);
      }
      return batch;
    }

    @Override
    public NDList[] unbatchify(NDList inputs) {
      return inputs.stream().map(NDList::new).toArray(NDList[]::new);
    }
  }
}
