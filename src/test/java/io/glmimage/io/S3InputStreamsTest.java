package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;

class S3InputStreamsTest {
  private static final String TYPE = "fs.s3a.input.stream.type";

  @Test
  void objectsAreReadByTheStreamThatKeepsNothing() throws Exception {
    Configuration configuration = settings();
    assertEquals("classic", typeOfOpened(configuration));
    // The settings belong to the caller.
    assertNull(configuration.get(TYPE));
    S3InputStreams.install(configuration);
    assertEquals("classic", typeOfOpened(configuration));
  }

  @Test
  void aStreamThatTheUserNamesIsUsed() throws Exception {
    Configuration configuration = settings();
    configuration.set(TYPE, "default");
    S3InputStreams.install(configuration);
    assertEquals("default", typeOfOpened(configuration));
  }

  private static String typeOfOpened(Configuration configuration) throws Exception {
    try (FileSystem opened = new Locations(configuration).fileSystem(new Path("s3a://bucket/a"))) {
      return opened.getConf().get(TYPE);
    }
  }

  /** No request is sent. */
  private static Configuration settings() {
    Configuration configuration = new Configuration();
    configuration.set("fs.s3a.endpoint", "http://127.0.0.1:9");
    configuration.set("fs.s3a.endpoint.region", "us-east-1");
    configuration.set("fs.s3a.access.key", "reader");
    configuration.set("fs.s3a.secret.key", "secret");
    configuration.set("fs.s3a.bucket.probe", "0");
    configuration.setBoolean("fs.s3a.impl.disable.cache", true);
    return configuration;
  }
}
