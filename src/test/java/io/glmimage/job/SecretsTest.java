package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Secrets in settings, in the environment and in paths reach nothing that the job leaves. */
@Tag("spark")
class SecretsTest {
  /** Part of each planted secret. */
  private static final String PLANTED = "wJalrXUtnFEMI";

  @TempDir private Path folder;

  @Test
  void noSecretReachesLogsTablesReportsOrTheEventLog() throws Exception {
    Path events = Files.createDirectory(folder.resolve("events"));
    Files.write(folder.resolve("0.png"), JobConsole.png(32, 32, 1));
    Path manifest = folder.resolve("rows.jsonl");
    Files.writeString(
        manifest,
        """
        {"id": "good", "image_paths": "0.png", "prompt": "p"}
        {"id": "user info", "image_paths": "s3a://AKIDEXAMPLE:wJalrXUtnFEMI1@bucket/a.png", "prompt": "p"}
        {"id": "signed", "image_paths": "https://b.example/a.png?X-Amz-Signature=wJalrXUtnFEMI2", "prompt": "p"}
        {"id": "store", "image_paths": "s3a://bucket/a.png", "prompt": "p"}
        {"id": "mask", "image_paths": "0.png", "mask_path": "s3a://AKIDEXAMPLE:wJalrXUtnFEMI3@bucket/m.png", "prompt": "p"}
        """);
    Path output = folder.resolve("out");
    List<String> settings =
        List.of(
            "spark.hadoop.fs.s3a.access.key=AKIDEXAMPLE",
            "spark.hadoop.fs.s3a.secret.key=wJalrXUtnFEMI4",
            "spark.hadoop.fs.s3a.bucket.other.secret.key=wJalrXUtnFEMI5",
            "spark.hadoop.fs.azure.account.key.x.blob.core.windows.net=wJalrXUtnFEMI6",
            "spark.executorEnv.AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI7",
            "spark.ssl.keyPassword=wJalrXUtnFEMI8",
            // Nothing answers there.
            "spark.hadoop.fs.s3a.endpoint=http://127.0.0.1:1",
            "spark.hadoop.fs.s3a.attempts.maximum=1",
            "spark.hadoop.fs.s3a.retry.limit=1",
            "spark.eventLog.enabled=true",
            "spark.eventLog.dir=" + events.toUri());
    List<String> options = new ArrayList<>();
    settings.forEach(setting -> options.add("-D" + setting));
    Path log = folder.resolve("log");
    List<String> arguments =
        List.of(
            "--manifest",
            manifest.toString(),
            "--output",
            output.toString(),
            "--master",
            "local[2]",
            "--io-attempts",
            "1",
            "--verbose");
    Map<String, String> environment =
        Map.of("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI9", "AWS_SESSION_TOKEN", "wJalrXUtnFEMI0");
    try (ChildJob job = new ChildJob(log, environment, options, arguments)) {
      assertEquals(2, job.exitCode(/* minutes= */ 10), job.output());
    }

    assertTrue(Files.exists(output.resolve("report.html")));
    List<String> leaks = new ArrayList<>();
    int files = 0;
    for (Path root : List.of(log, output, events)) {
      try (Stream<Path> all = Files.walk(root)) {
        for (Path file : all.filter(Files::isRegularFile).toList()) {
          files++;
          if (holdsSecret(file)) {
            leaks.add(folder.relativize(file).toString());
          }
        }
      }
    }
    assertTrue(files > 8, files + " files");
    assertEquals(List.of(), leaks);
    assertFalse(holdsSecret(folder.resolve("0.png")));
    assertTrue(holdsSecret(manifest), "the search finds what is there");
  }

  @Test
  void argumentsWithCredentialsAreRefusedBeforeSparkStarts() {
    JobConsole job = new JobConsole();
    String manifest = "s3a://AKIDEXAMPLE:wJalrXUtnFEMI1@bucket/rows.parquet";
    assertEquals(1, job.run("validate", "--manifest", manifest));
    assertEquals(
        "Invalid argument: s3a://***@bucket/rows.parquet, it has credentials, which others can"
            + " read; set them in Spark's configuration\n",
        job.err());
  }

  /** Parquet files keep short texts as they are in the first page of a column. */
  private static boolean holdsSecret(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(PLANTED);
  }
}
