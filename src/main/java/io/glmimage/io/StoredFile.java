package io.glmimage.io;

/**
 * The state of a file.
 *
 * @param path with its scheme
 * @param bytes its length
 * @param modifiedMillis time of the last change, in milliseconds since 1970
 * @param etag an object store's tag of the content; may be null
 */
public record StoredFile(String path, long bytes, long modifiedMillis, String etag) {
  /** A text that changes with the content: size and tag, or size and time without a tag. */
  public String version() {
    return bytes + " " + (etag == null || etag.isEmpty() ? "at " + modifiedMillis : "tag " + etag);
  }
}
