package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class RunJobsTest {
  private static SparkSession spark;
  private static JavaSparkContext context;

  /** A task that runs until it is told to end. */
  private static final class Work {
    final Semaphore started = new Semaphore(0);
    final Semaphore end = new Semaphore(0);
    volatile boolean ended;

    void run() throws InterruptedException {
      started.release();
      end.tryAcquire(60, TimeUnit.SECONDS);
      ended = true;
    }
  }

  // Static: in local mode, tasks see them.
  private static final Work OWN = new Work();
  private static final Work OTHER = new Work();

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .appName("RunJobsTest")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
    context = JavaSparkContext.fromSparkContext(spark.sparkContext());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void otherJobsAreNeitherCancelledNorWaitedFor() throws Exception {
    CompletableFuture<Void> other =
        CompletableFuture.runAsync(
            () -> context.parallelize(List.of(1), 1).foreach(row -> OTHER.run()));
    assertTrue(OTHER.started.tryAcquire(30, TimeUnit.SECONDS));
    try (RunJobs jobs = new RunJobs(spark.sparkContext(), "run")) {
      CompletableFuture<Void> cancelling =
          CompletableFuture.runAsync(
              () -> {
                OWN.started.acquireUninterruptibly();
                jobs.cancel();
              });
      SparkException cancelled =
          assertThrows(
              SparkException.class,
              () -> context.parallelize(List.of(1), 1).foreach(row -> OWN.run()));
      assertTrue(cancelled.getMessage().contains("cancelled"), cancelled.getMessage());
      cancelling.get(30, TimeUnit.SECONDS);
      assertFalse(OWN.ended, "a task outlives its cancelled job");

      CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS).execute(OWN.end::release);
      jobs.awaitIdle(30);
      assertTrue(OWN.ended);
      assertFalse(other.isDone());
    }
    assertTrue(spark.sparkContext().getJobTags().isEmpty());
    OTHER.end.release();
    other.get(30, TimeUnit.SECONDS);
  }
}
