package io.glmimage.predict;

import ai.djl.ndarray.NDList;
import ai.djl.translate.Batchifier;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import ai.djl.util.passthrough.PassthroughNDArray;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Converts a predictor's inputs to requests, and their results to outputs. A batch stays a batch:
 * the engine receives all its requests in one call.
 *
 * @param <I> the predictor's input
 * @param <O> the predictor's output
 */
abstract class RequestTranslator<I, O> implements Translator<I, O> {
  /** The requests of a batch, for {@link #batchProcessOutput}. */
  private static final String REQUESTS = RequestTranslator.class.getName();

  /** The failure of an input that is null. */
  static InvalidRequestException noContent(String id) {
    return new InvalidRequestException("Cannot edit request " + id + ": it has no content");
  }

  /**
   * @param input may be null, as a row of a DataFrame
   * @param id names a request without an id in messages
   * @throws InvalidRequestException if the input is not a valid request; the others of the batch
   *     continue
   * @throws TranslateException if the input is not a valid request; ends the batch
   */
  abstract EditRequest request(I input, String id) throws TranslateException;

  /**
   * @param request null if the input is not a valid request
   * @throws TranslateException if a failed result has no output; ends the batch
   */
  abstract O output(EditRequest request, EditResult result) throws TranslateException;

  @Override
  public final NDList processInput(TranslatorContext context, I input) throws TranslateException {
    return batchProcessInput(context, Collections.singletonList(input));
  }

  @Override
  public final NDList batchProcessInput(TranslatorContext context, List<I> inputs)
      throws TranslateException {
    NDList batch = new NDList(inputs.size());
    List<EditRequest> requests = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      String id = (i + 1) + " of " + inputs.size();
      try {
        EditRequest request = request(inputs.get(i), id);
        requests.add(request);
        batch.add(new PassthroughNDArray(request));
      } catch (InvalidRequestException e) {
        requests.add(null);
        batch.add(new PassthroughNDArray(EditResult.failed(id, e)));
      }
    }
    context.setAttachment(REQUESTS, requests);
    return batch;
  }

  @Override
  public final O processOutput(TranslatorContext context, NDList list) throws TranslateException {
    return batchProcessOutput(context, list).get(0);
  }

  @Override
  public final List<O> batchProcessOutput(TranslatorContext context, NDList list)
      throws TranslateException {
    List<?> requests = (List<?>) context.getAttachment(REQUESTS);
    List<O> outputs = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      EditResult result = (EditResult) ((PassthroughNDArray) list.get(i)).getObject();
      outputs.add(output((EditRequest) requests.get(i), result));
    }
    return outputs;
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
