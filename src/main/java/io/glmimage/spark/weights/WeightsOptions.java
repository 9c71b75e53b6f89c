package io.glmimage.spark.weights;

import io.glmimage.error.WeightsException;
import io.glmimage.weights.WeightsCache;
import java.io.Serializable;

/**
 * Settings for the distribution of weights.
 *
 * @param cacheDir the folder on every node that holds received models. A relative path is below the
 *     executor's working folder. Empty means {@code glm-image-weights-USER} in the first folder of
 *     {@code SPARK_LOCAL_DIRS} ({@code LOCAL_DIRS} on YARN), or otherwise in the system's temporary
 *     folder
 * @param cacheBytes limit of the cache size. Before the cache grows beyond the limit, unused models
 *     are removed, least recently used first
 * @param chunkBytes the largest chunk that is sent at once. The driver and every receiving executor
 *     hold as many as take 128 MiB or an eighth of the heap, but at least two
 * @param check how thoroughly a cached model is checked before use
 */
public record WeightsOptions(
    String cacheDir, long cacheBytes, int chunkBytes, WeightsCache.Check check)
    implements Serializable {
  public static final long CACHE_BYTES_DEFAULT = 128L << 30;
  public static final int CHUNK_BYTES_DEFAULT = 8 << 20;
  private static final int CHUNK_BYTES_MIN = 1 << 20;
  private static final int CHUNK_BYTES_MAX = 1 << 30;

  public WeightsOptions {
    if (chunkBytes < CHUNK_BYTES_MIN || chunkBytes > CHUNK_BYTES_MAX) {
      throw new WeightsException(
          "Invalid weights chunk size: "
              + chunkBytes
              + " bytes, expected "
              + CHUNK_BYTES_MIN
              + " to "
              + CHUNK_BYTES_MAX);
    }
    if (cacheBytes < 0) {
      throw new WeightsException(
          "Invalid weights cache size: " + cacheBytes + " bytes, expected 0 or more");
    }
  }

  public static WeightsOptions defaults() {
    return new WeightsOptions(
        "", CACHE_BYTES_DEFAULT, CHUNK_BYTES_DEFAULT, WeightsCache.Check.QUICK);
  }

  public WeightsOptions withCacheDir(String folder) {
    return new WeightsOptions(folder, cacheBytes, chunkBytes, check);
  }

  public WeightsOptions withCacheBytes(long bytes) {
    return new WeightsOptions(cacheDir, bytes, chunkBytes, check);
  }

  public WeightsOptions withChunkBytes(int bytes) {
    return new WeightsOptions(cacheDir, cacheBytes, bytes, check);
  }

  public WeightsOptions withCheck(WeightsCache.Check how) {
    return new WeightsOptions(cacheDir, cacheBytes, chunkBytes, how);
  }
}
