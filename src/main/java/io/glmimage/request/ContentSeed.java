package io.glmimage.request;

import io.glmimage.digest.Sha256;
import io.glmimage.image.RgbImage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;

/**
 * Seeds that depend on the content of source images.
 *
 * <p>{@link #of} is for requests that have neither a seed nor an id, and whose source images have
 * no paths. The seed is a digest of the prompt and of the pixels. Equal requests get equal seeds,
 * and therefore equal edited images, on any machine and in any order.
 */
public final class ContentSeed {
  /** Takes the place of the prompt, and is not one: a prompt has no NUL character. */
  private static final String NOISE = "\0noise";

  private ContentSeed() {}

  /**
   * The seed of the initial noise of a request. For text-to-image it is the request's seed, for an
   * edit a digest of the seed and of the source images. The source image may have been generated
   * with the same seed and size. Its edit would otherwise start from the noise that generated the
   * image, and be a copy with halos.
   */
  public static long ofNoise(EditRequest request) {
    return request.sources().isEmpty()
        ? request.seed()
        : of(request.seed(), NOISE, request.sources());
  }

  /**
   * @param base changes the seeds of all requests
   * @return a seed of at least 0
   */
  public static long of(long base, String prompt, List<RgbImage> sources) {
    MessageDigest sha = Sha256.start();
    byte[] text = prompt.getBytes(StandardCharsets.UTF_8);
    sha.update(ByteBuffer.allocate(12).putLong(base).putInt(text.length).array());
    sha.update(text);
    for (RgbImage source : sources) {
      sha.update(ByteBuffer.allocate(8).putInt(source.height()).putInt(source.width()).array());
      sha.update(source.pixels());
    }
    return ByteBuffer.wrap(sha.digest()).getLong() & Long.MAX_VALUE;
  }
}
