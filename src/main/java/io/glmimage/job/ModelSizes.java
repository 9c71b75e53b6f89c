package io.glmimage.job;

import io.glmimage.image.PixelSize;
import io.glmimage.model.processor.ImageProcessor;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.spark.manifest.SizeRule;
import java.util.List;

/**
 * The model's rules about sizes: aspect ratio of source images, sides of the output. It connects
 * two packages that must not depend on each other: the manifest check and the model's processor.
 */
final class ModelSizes implements SizeRule {
  private static final long serialVersionUID = 1L;

  @Override
  public PixelSize output(String id, Integer height, Integer width, List<PixelSize> sources) {
    sources.forEach(ImageProcessor::check);
    return new OutputSize().of(id, height, width, sources);
  }
}
