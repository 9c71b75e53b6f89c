package io.glmimage.pipeline;

import io.glmimage.error.NotFiniteException;
import io.glmimage.request.EditRequest;
import io.glmimage.tensor.Ops;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Checks that the numbers of an edit stay finite. Every denoising step adds one sum of the latents,
 * which stays on the device; the sums are copied and looked at once, after the last step. A sum is
 * finite only if all its values are.
 */
final class FiniteCheck {
  private final List<Tensor> sums = new ArrayList<>();

  /**
   * Adds the latents after the next step. The sum belongs to the caller's scope.
   *
   * @param latents float32 of any shape
   */
  void add(Tensor latents) {
    sums.add(latents.sum());
  }

  /**
   * @throws NotFiniteException naming the first step after which the latents were not finite
   */
  void check(EditRequest request) {
    float[] values = Ops.toFloats(Ops.stack(0, sums));
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw notFinite(
            request, "the latents are", "denoising step " + (i + 1) + " of " + values.length);
      }
    }
  }

  /**
   * Checks the output of the decoder.
   *
   * @param pixels float32 of any shape
   */
  static void checkDecoded(EditRequest request, Tensor pixels) {
    if (!Float.isFinite(Ops.toFloats(pixels.sum().reshape(1))[0])) {
      throw notFinite(request, "the pixels are", "decoding; the latents were finite");
    }
  }

  private static NotFiniteException notFinite(EditRequest request, String what, String when) {
    return new NotFiniteException(
        "Cannot edit request "
            + request.id()
            + ": "
            + what
            + " not finite after "
            + when
            + " (guidance scale "
            + request.guidanceScale()
            + ", seed "
            + request.seed()
            + "); try another seed, a guidance scale nearer to "
            + EditRequest.DEFAULT_GUIDANCE_SCALE
            + ", or --precision auto if it is fp8");
  }
}
