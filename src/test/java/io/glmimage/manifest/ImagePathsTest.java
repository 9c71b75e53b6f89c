package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ImagePathsTest {
  @Test
  void aPathFromTheRootIsOnTheFileSystemOfTheManifest() {
    for (String path : new String[] {"/x/a.png", "//x/a.png", "///x/a.png"}) {
      assertEquals("file:/x/a.png", ImagePaths.resolve("file:/m", path));
      assertEquals("hdfs://nn:9/x/a.png", ImagePaths.resolve("hdfs://nn:9/m", path));
      assertEquals("/x/a.png", ImagePaths.resolve("/m", path));
    }
  }
}
