package io.glmimage.request;

import io.glmimage.image.RgbImage;

/**
 * What became of one request: exactly one of {@code image} and {@code error} is set.
 *
 * @param id the request's id
 * @param image the edited picture, or null
 * @param error why there is none, or null
 * @param priorSeconds share of the time spent on prior tokens (vision tower and decoder)
 * @param denoiseSeconds time spent in the DiT
 * @param decodeSeconds time spent in the VAE
 */
public record EditResult(
    String id,
    RgbImage image,
    RuntimeException error,
    double priorSeconds,
    double denoiseSeconds,
    double decodeSeconds) {
  public static EditResult failed(String id, RuntimeException error) {
    return new EditResult(id, null, error, 0, 0, 0);
  }

  public boolean ok() {
    return error == null;
  }
}
