package io.glmimage.request;

import io.glmimage.image.RgbImage;
import java.util.List;
import java.util.Objects;

/**
 * One picture to make: an edit of one or several source images, or text-to-image where there are
 * none.
 *
 * @param id names the request in messages
 * @param prompt what to do
 * @param sources decoded source images, upright; empty for text-to-image
 * @param height output height in pixels, or null for the first source's (text-to-image: 1024)
 * @param width output width in pixels, or null for the first source's (text-to-image: 1024)
 * @param steps number of denoising steps, at least 1
 * @param guidanceScale classifier-free guidance; 1 or less runs the conditional pass only
 * @param seed keys all random numbers of this request
 */
public record EditRequest(
    String id,
    String prompt,
    List<RgbImage> sources,
    Integer height,
    Integer width,
    int steps,
    double guidanceScale,
    long seed) {
  public static final int DEFAULT_STEPS = 50;
  public static final double DEFAULT_GUIDANCE_SCALE = 1.5;

  public EditRequest {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(prompt, "prompt");
    sources = List.copyOf(sources);
  }
}
