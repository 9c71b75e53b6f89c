package io.glmimage.io;

import org.apache.hadoop.conf.Configuration;

/**
 * How S3A reads objects. From Hadoop 3.5 on, its default input stream keeps what it has read in the
 * heap (up to 2 GiB for each file system), requests more than the caller asks for, and reads again
 * what it dropped before use. Weights and source images are read once, into arrays of their own.
 * The stream {@code classic}, the only one of earlier versions, does just that.
 */
public final class S3InputStreams {
  static final String TYPE = "fs.s3a.input.stream.type";
  private static final String CLASSIC = "classic";

  private S3InputStreams() {}

  /**
   * Adds the setting to an application's settings, unless they have one. Open file systems do not
   * change.
   */
  public static void install(Configuration configuration) {
    configuration.setIfUnset(TYPE, CLASSIC);
  }

  /** The settings themselves if they name a type; otherwise a copy that does. */
  static Configuration settings(Configuration given) {
    if (given.get(TYPE) != null) {
      return given;
    }
    Configuration copy = new Configuration(given);
    install(copy);
    return copy;
  }
}
