package io.glmimage.weights;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A {@link CacheFixture} for each test. */
abstract class CacheFixtureTests {
  @TempDir Path temporary;
  CacheFixture fixture;

  @BeforeEach
  void writeModel() throws IOException {
    fixture = new CacheFixture(temporary);
  }
}
