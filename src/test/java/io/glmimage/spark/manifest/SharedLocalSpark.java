package io.glmimage.spark.manifest;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The {@link LocalSpark} that the tests of a class share, and a folder for each test. */
abstract class SharedLocalSpark {
  static LocalSpark spark;

  @TempDir Path folder;

  @BeforeAll
  static void startSpark() {
    spark = new LocalSpark();
  }

  @AfterAll
  static void stopSpark() {
    spark.close();
  }
}
