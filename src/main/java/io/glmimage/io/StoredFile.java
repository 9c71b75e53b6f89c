package io.glmimage.io;

/**
 * What a file system says of a file.
 *
 * @param path with its scheme
 * @param bytes its length
 * @param modifiedMillis when it was written, in milliseconds since 1970
 * @param etag an object store's tag of the content; null where there is none
 */
public record StoredFile(String path, long bytes, long modifiedMillis, String etag) {
  /** Changes when the content does: by the tag where there is one, else by time. */
  public String version() {
    return bytes + " " + (etag == null || etag.isEmpty() ? "at " + modifiedMillis : "tag " + etag);
  }
}
