package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.spark.SparkProcess;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A small {@link Soak}. Needs the scripts of a Spark installation, from {@code -Dspark.home} or the
 * environment variable SPARK_HOME.
 */
@Tag("spark")
@Tag("resume")
@Tag("s3")
@Tag("slow")
class SoakTest {
  @TempDir private Path folder;

  @Test
  void killedExecutorsCopiedTasksAndNetworkFaultsChangeNothing() throws Exception {
    assumeTrue(
        SparkProcess.home().isPresent(),
        "Skipped: no Spark installation; set -Dspark.home or SPARK_HOME"
            + " (.ci/pyspark.sh installs one)");
    Soak soak = new Soak();
    soak.rows = 40;
    soak.size = 32;
    soak.kills = 3;
    soak.deadly = 0;
    soak.minutes = 5;
    soak.phases = List.of(Soak.Phase.CALM, Soak.Phase.STORM, Soak.Phase.SPECULATION);
    soak.folder = folder;

    assertEquals(0, soak.call());
  }
}
