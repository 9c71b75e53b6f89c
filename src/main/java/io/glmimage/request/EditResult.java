package io.glmimage.request;

import io.glmimage.image.RgbImage;

/**
 * The result of one request. Exactly one of {@code image} and {@code error} is set.
 *
 * @param id of the request
 * @param image the edited image; null if the request failed
 * @param error the reason of the failure; null if the request succeeded
 * @param priorSeconds share of the time spent on prior tokens (vision tower and decoder)
 * @param denoiseSeconds time spent in the DiT
 * @param decodeSeconds time spent in the VAE
 * @param scale pixels of the edited image per pixel of the first source image; null if the request
 *     failed, for text-to-image, and if the two differ in aspect ratio
 */
public record EditResult(
    String id,
    RgbImage image,
    RuntimeException error,
    double priorSeconds,
    double denoiseSeconds,
    double decodeSeconds,
    Double scale) {
  /** A result without a scale. */
  public EditResult(
      String id,
      RgbImage image,
      RuntimeException error,
      double priorSeconds,
      double denoiseSeconds,
      double decodeSeconds) {
    this(id, image, error, priorSeconds, denoiseSeconds, decodeSeconds, null);
  }

  public static EditResult failed(String id, RuntimeException error) {
    return new EditResult(id, null, error, 0, 0, 0);
  }

  /** Whether the request succeeded. */
  public boolean ok() {
    return error == null;
  }
}
