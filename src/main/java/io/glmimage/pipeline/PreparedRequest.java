package io.glmimage.pipeline;

import io.glmimage.image.PixelSize;
import io.glmimage.model.Grid;
import io.glmimage.model.processor.ProcessedPrompt;
import io.glmimage.model.processor.SizePlan;
import io.glmimage.model.processor.SourcePixels;
import io.glmimage.request.EditRequest;
import java.util.List;

/**
 * A checked request with the processor's output.
 *
 * @param sizes of the generated and of the edited image
 * @param prompt token ids and grids
 * @param sources the request's source images as the vision tower reads them, in order
 */
public record PreparedRequest(
    EditRequest request, SizePlan sizes, ProcessedPrompt prompt, List<SourcePixels> sources) {
  /** The size that the model generates. */
  public PixelSize size() {
    return sizes.generated();
  }

  /** The target's grid of DiT tokens. */
  public Grid imageGrid() {
    return prompt.target().doubled();
  }
}
