package io.glmimage.spark.manifest;

import io.glmimage.image.PixelSize;
import java.io.Serializable;
import java.util.List;

/** What a model says to sizes, without its weights. */
@FunctionalInterface
public interface SizeRule extends Serializable {
  /**
   * The size of the picture to make.
   *
   * @param height asked for in pixels, or null
   * @param width asked for in pixels, or null
   * @param sources sizes of the upright sources
   * @throws io.glmimage.error.InvalidRequestException if the model takes no such request
   */
  PixelSize output(String id, Integer height, Integer width, List<PixelSize> sources);
}
