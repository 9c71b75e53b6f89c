package io.glmimage.predict;

import io.glmimage.digest.Sha256;
import io.glmimage.image.RgbImage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;

/**
 * Seeds for requests that have neither a seed nor an id, and whose source images have no paths. The
 * seed is a digest of the prompt and of the pixels. Equal requests get equal seeds, and therefore
 * equal edited images, on any machine and in any order.
 */
public final class ContentSeed {
  private ContentSeed() {}

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
