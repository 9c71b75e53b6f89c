package io.glmimage.bench;

import io.glmimage.job.EditImagesJob;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * Queries in the session of a run, while it edits. With Spark RAPIDS and one permit of the GPU
 * ({@code spark.rapids.sql.concurrentGpuTasks=1}), queries can only run if no task that edits holds
 * the permit. Prints {@code RESULT} lines: the queries that began and ended while rows were edited,
 * their longest time, the operators of their plan that run on a GPU, and the job's exit code. Exits
 * with 1 if fewer than three queries ran between the first and the last edited image.
 *
 * <p>Arguments of the program, which spark-submit starts: a Parquet manifest with a column {@code
 * id}, a new folder for results in the manifest's folder, how often the rows are repeated, and
 * options of the job.
 */
public final class QueriesBesideEdits {
  private static final int ENOUGH = 3;
  private static final long NUMBERS = 4_000_000;

  private QueriesBesideEdits() {}

  /** A query, with the number of edited images when it began and when it ended. */
  private record Query(long imagesBefore, double seconds, long imagesAfter) {}

  public static void main(String[] args) throws Exception {
    SparkSession spark = SparkSession.builder().getOrCreate();
    String copies = args[1] + "-rows.parquet";
    long rows = repeat(spark.read().parquet(args[0]), Integer.parseInt(args[2]), copies);
    String numbers = args[1] + "-numbers.parquet";
    spark.range(NUMBERS).selectExpr("id", "id % 97 as part").write().parquet(numbers);
    Dataset<Row> query = spark.read().parquet(numbers).groupBy("part").avg("id").orderBy("part");
    query.collectAsList();
    String plan = query.queryExecution().executedPlan().toString();
    long gpu = plan.lines().filter(line -> line.matches("[^A-Za-z]*Gpu[A-Z].*")).count();

    List<String> command = new ArrayList<>(List.of("edit", "--manifest", copies, "--output"));
    command.add(args[1]);
    command.addAll(Arrays.asList(args).subList(3, args.length));
    FutureTask<Integer> edits =
        new FutureTask<>(() -> EditImagesJob.run(command.toArray(String[]::new)));
    new Thread(edits, "edits").start();
    Path images = Path.of(args[1], "images");
    List<Query> queries = new ArrayList<>();
    while (!edits.isDone()) {
      long before = count(images);
      long start = System.nanoTime();
      query.collectAsList();
      double seconds = (System.nanoTime() - start) / 1e9;
      queries.add(new Query(before, seconds, count(images)));
    }
    // Rows that fail have no image.
    long edited = count(images);
    List<Query> between =
        queries.stream().filter(q -> q.imagesBefore() > 0 && q.imagesAfter() < edited).toList();
    System.out.printf(
        "RESULT rows=%d images=%d queries-while-editing=%d longest-seconds=%.2f gpu-operators=%d"
            + " exit=%d%n",
        rows,
        edited,
        between.size(),
        between.stream().mapToDouble(Query::seconds).max().orElse(0),
        gpu,
        edits.get());
    if (between.size() < ENOUGH) {
      System.exit(1);
    }
  }

  private static long repeat(Dataset<Row> manifest, int times, String path) {
    SparkSession spark = manifest.sparkSession();
    Dataset<Row> numbers = spark.range(0, times, 1, 1).toDF("copy");
    manifest
        .crossJoin(numbers)
        .withColumn("id", functions.expr("concat(id, '-', copy)"))
        .drop("copy")
        .write()
        .parquet(path);
    return spark.read().parquet(path).count();
  }

  private static long count(Path folder) throws IOException {
    if (Files.notExists(folder)) {
      return 0;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".png")).count();
    }
  }
}
