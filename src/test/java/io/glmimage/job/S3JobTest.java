package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.amazonaws.services.s3.model.ObjectMetadata;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.s3.FaultyProxy;
import io.glmimage.s3.FaultyProxy.Fault;
import io.glmimage.s3.RenewedCredentials;
import io.glmimage.s3.S3Server;
import io.glmimage.spark.engine.ExecutorEngines;
import io.glmimage.spark.manifest.LiteralPaths;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.VersionInfo;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Manifest, sources and results on S3, over a network with faults. */
@Tag("spark")
@Tag("s3")
class S3JobTest {
  private static final StructType SCHEMA =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("image_paths", DataTypes.StringType)
          .add("prompt", DataTypes.StringType);

  private static final int ROWS = 12;

  /** For runs that end without releasing their lock: the next run waits for it this long. */
  private static final String SHORT_LOCK = "--lock-timeout=3";

  @TempDir private static Path folder;
  private static S3Server server;
  private static FaultyProxy proxy;
  private static Session session;
  private static SparkSession spark;
  private static final AtomicInteger RUNS = new AtomicInteger();

  private final JobConsole job = new JobConsole();
  private String root;

  @BeforeAll
  static void start() throws Exception {
    server = S3Server.start(folder);
    proxy = new FaultyProxy(server.port());
    session = Session.open("local[2]", "test");
    spark = session.spark();
    settings(spark.sparkContext().hadoopConfiguration());
    server.createBucket("bucket");
    server.createBucket("renewed");
    server.createBucket("markers");
  }

  private static void settings(Configuration hadoop) {
    hadoop.set("fs.s3a.endpoint", "http://127.0.0.1:" + proxy.port());
    hadoop.set("fs.s3a.path.style.access", "true");
    hadoop.set("fs.s3a.access.key", S3Server.ACCESS_KEY);
    hadoop.set("fs.s3a.secret.key", S3Server.SECRET_KEY);
    hadoop.set("fs.s3a.connection.ssl.enabled", "false");
    hadoop.set("fs.s3a.change.detection.mode", "none");
    // Saves a request after each file that is written, except where Hadoop's default is tested.
    hadoop.set("fs.s3a.directory.marker.retention", "keep");
    hadoop.set("fs.s3a.bucket.markers.directory.marker.retention", "delete");
    hadoop.set("fs.s3a.attempts.maximum", "2");
    hadoop.set("fs.s3a.retry.limit", "3");
    hadoop.set("fs.s3a.retry.interval", "20ms");
    hadoop.set("fs.s3a.retry.throttle.limit", "5");
    hadoop.set("fs.s3a.retry.throttle.interval", "20ms");
    hadoop.set("fs.s3a.connection.timeout", "5000");
  }

  @AfterAll
  static void stop() throws Exception {
    if (session != null) {
      FileSystem.closeAll();
      session.close();
      proxy.close();
    }
    if (server != null) {
      server.close();
    }
  }

  @BeforeEach
  void writeSources() throws IOException {
    proxy.plan((method, path) -> Fault.NONE);
    ExecutorEngines.closeAll();
    root = "s3a://bucket/test" + RUNS.incrementAndGet();
    writeSourceImages();
  }

  private void writeSourceImages() throws IOException {
    for (int i = 0; i < 3; i++) {
      session.storage().write(root + "/" + i + ".png", JobConsole.png(64, 96, 40 * i));
    }
  }

  private String manifest(int rows) throws IOException {
    List<Row> all = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      all.add(RowFactory.create("r" + i, i % 3 + ".png", "prompt " + i));
    }
    return upload(all);
  }

  private String upload(List<Row> rows) throws IOException {
    Path local = folder.resolve("manifest" + RUNS.get());
    spark.createDataFrame(rows, SCHEMA).coalesce(1).write().parquet(local.toString());
    Storage storage = session.storage();
    for (StoredFile file : storage.files(local.toString())) {
      if (file.path().endsWith(".parquet")) {
        storage.write(root + "/manifest.parquet", storage.read(file.path(), 1 << 20));
      }
    }
    return root + "/manifest.parquet";
  }

  private static Map<String, Row> results(String output) throws IOException {
    assertTrue(session.storage().exists(output + "/results/_SUCCESS"));
    return JobConsole.results(spark, output);
  }

  private static String value(Row row, String column) {
    return String.valueOf(row.get(row.fieldIndex(column)));
  }

  private static Map<String, String> images(String output) throws Exception {
    Storage storage = session.storage();
    Map<String, String> digests = new TreeMap<>();
    for (StoredFile file : storage.files(output + "/images")) {
      byte[] sha = MessageDigest.getInstance("SHA-256").digest(storage.read(file.path(), 1 << 20));
      digests.put(
          file.path().substring(file.path().lastIndexOf('/') + 1), HexFormat.of().formatHex(sha));
    }
    return digests;
  }

  private static void assertWhole(String output, int rows) throws Exception {
    Map<String, String> expected = new TreeMap<>();
    for (Row row : results(output).values()) {
      assertEquals("OK", value(row, "status"), value(row, "error"));
      expected.put(value(row, "id") + ".png", value(row, "output_sha256"));
    }
    assertEquals(rows, expected.size());
    assertEquals(expected, images(output));
    for (String notes : List.of("lines", "journal", "lock.json")) {
      assertFalse(session.storage().exists(output + "/_run/" + notes), notes);
    }
  }

  @Test
  void aJobOnS3IsCommittedByTheMagicCommitterAndResumes() throws Exception {
    root = root.replace("s3a://bucket", "s3a://markers");
    writeSourceImages();
    String manifest = manifest(ROWS);
    String output = root + "/out";
    // Left by a run that was killed in the commit of another table than this run will write.
    String key = output.substring("s3a://markers/".length()) + "/failed-rows/part-0.parquet";
    server.beginUpload("markers", key);
    assertEquals(List.of(key), server.pendingUploads("markers"));
    assertEquals(0, job.edit(manifest, output), job::err);
    assertEquals(ROWS, job.edited());
    assertEquals(List.of(), server.pendingUploads("markers"));
    assertWhole(output, ROWS);
    String success =
        new String(
            session.storage().read(output + "/results/_SUCCESS", 1 << 20), StandardCharsets.UTF_8);
    assertTrue(success.contains("\"committer\":\"magic\""), success);
    // No traces of renames or pending uploads beside the data.
    assertEquals(
        List.of("_SUCCESS"),
        session.storage().names(output + "/results").stream()
            .filter(name -> name.startsWith("_"))
            .toList());

    assertEquals(0, job.edit(manifest, output), job::err);
    assertEquals(0, job.edited());

    // Other schemes: results on a disk of sources on S3.
    String local = "file:" + folder + "/local" + RUNS.get();
    assertEquals(0, job.edit(manifest, local), job::err);
    assertEquals(images(output), images(local));
  }

  @Test
  void namesOnS3AreLiteralAndS3IsReadAsS3a() throws Exception {
    Storage storage = session.storage();
    // As a pattern, [1] matches the second folder and {x,y} the third.
    for (String name : List.of("/a[1] {x,y}", "/a1 {x,y}", "/a1 x")) {
      String image = name.equals("/a[1] {x,y}") ? "0.png" : "none.png";
      String line =
          "{\"id\":\"r\",\"prompt\":\"p\",\"image_paths\":\""
              + root.replace("s3a:", "s3:")
              + "/"
              + image
              + "\"}\n";
      storage.write(root + name + "/m*.jsonl", line.getBytes(StandardCharsets.UTF_8));
    }
    String manifest = root.replace("s3a:", "s3:") + "/a[1] {x,y}/m*.jsonl";
    String output = root + "/a[1] {x,y}/o?t";
    assertEquals(0, job.edit(manifest, output.replace("s3a:", "s3:")), job::err);
    assertEquals(1, job.edited());
    assertEquals(
        output + "/images/r.png",
        value(LiteralPaths.reader(spark).parquet(output + "/results").first(), "output_path"));
    assertEquals(List.of("r.png"), List.copyOf(images(output).keySet()));
    assertEquals(0, job.edit(manifest, output), job::err);
    assertEquals(0, job.edited(), "the second run finds the results of the first");
  }

  @Test
  void objectsHaveTheContentTypeOfTheirFormatAndMetadata() throws Exception {
    String manifest = upload(List.of(RowFactory.create("grün 1", "0.png", "p")));
    String output = root + "/out";
    assertEquals(0, job.edit(manifest, output, "--output-format", "webdataset"), job::err);
    Row row = results(output).get("grün 1");
    assertEquals("OK", value(row, "status"), value(row, "error"));
    ObjectMetadata image = head(value(row, "output_path"));
    assertEquals("image/png", image.getContentType());
    if (VersionInfo.getVersion().compareTo("3.3.5") >= 0) {
      assertEquals("gr%C3%BCn+1", image.getUserMetaDataOf("id"));
      assertEquals(value(row, "output_sha256"), image.getUserMetaDataOf("sha256"));
      assertEquals(value(row, "fingerprint"), image.getUserMetaDataOf("fingerprint"));
    }
    assertEquals("text/html", head(output + "/report.html").getContentType());
    assertEquals("application/json", head(output + "/metrics.json").getContentType());
    String shard = session.storage().names(output + "/shards").get(0);
    assertEquals("application/x-tar", head(output + "/shards/" + shard).getContentType());
  }

  /** The AWS SDK asks a provider of credentials for each request. */
  @Test
  void credentialsThatExpireInMidRunMayBeRenewedByTheirProviderOrForTheNextRun() throws Exception {
    assumeTrue(
        VersionInfo.getVersion().compareTo("3.4") < 0,
        "the provider is one of the SDK's version 1");
    spark
        .sparkContext()
        .hadoopConfiguration()
        .set("fs.s3a.bucket.renewed.aws.credentials.provider", RenewedCredentials.class.getName());
    root = root.replace("s3a://bucket", "s3a://renewed");
    writeSourceImages();
    String manifest = manifest(ROWS);
    String[] settings = {"--commit-seconds=0", "--batch-size=2", SHORT_LOCK};

    // 1. Renewed late: the first requests with the old token are refused, and are repeated.
    int before = proxy.faults();
    proxy.plan(RenewedCredentials.expireAfter("images", 5, 3));
    String renewed = root + "/renewed";
    assertEquals(0, job.edit(manifest, renewed, settings), job::err);
    assertTrue(proxy.faults() - before >= 3, "requests were refused");
    assertEquals(ROWS, job.edited(), "no row is edited twice");
    assertWhole(renewed, ROWS);

    // 2. Not renewed: the run ends, and no row is blamed.
    proxy.plan(RenewedCredentials.expireAfter("_run/lines", 2, Integer.MAX_VALUE));
    String output = root + "/out";
    assertEquals(
        3,
        job.edit(
            manifest,
            output,
            "--commit-seconds=0",
            "--batch-size=2",
            "--io-attempts=2",
            SHORT_LOCK),
        job::err);
    assertTrue(job.err().contains("ExpiredToken"), job.err());
    assertFalse(job.err().contains("rows failed"), job.err());
    // The next run has new ones, and edits only what the first one has not saved.
    RenewedCredentials.renew();
    assertEquals(0, job.edit(manifest, output, settings), job::err);
    assertTrue(job.edited() < ROWS, job.edited() + " rows edited again");
    assertWhole(output, ROWS);
    assertEquals(images(renewed), images(output));
  }

  private static ObjectMetadata head(String path) {
    return server.head("bucket", path.substring("s3a://bucket/".length()));
  }

  @Test
  void faultsOfNetworkAndServerChangeNothing() throws Exception {
    int rows = 2 * ROWS;
    String manifest = manifest(rows);
    assertEquals(0, job.edit(manifest, root + "/calm"), job::err);
    SplittableRandom random = new SplittableRandom(7);
    AtomicInteger burst = new AtomicInteger();
    Fault[] kinds = {Fault.RESET, Fault.LOST_ANSWER, Fault.TRUNCATED, Fault.SLOW, Fault.SLOW_DOWN};
    proxy.plan(
        (method, path) -> {
          synchronized (random) {
            if (burst.get() > 0) {
              burst.decrementAndGet();
              return Fault.SLOW_DOWN;
            }
            if (random.nextInt(60) == 0) {
              burst.set(5);
            }
            return random.nextInt(12) == 0 ? kinds[random.nextInt(kinds.length)] : Fault.NONE;
          }
        });
    int before = proxy.faults();
    String output = root + "/out";
    for (int run = 0; run < 3; run++) {
      if (job.edit(manifest, output, "--io-attempts=8", "--commit-seconds=0", SHORT_LOCK) == 0) {
        break;
      }
    }
    int faults = proxy.faults() - before;
    proxy.plan((method, path) -> Fault.NONE);
    assertTrue(faults > 20, faults + " faults");
    assertEquals(0, job.edit(manifest, output), job::err);
    assertEquals(0, job.edited());
    assertWhole(output, rows);
    assertEquals(images(root + "/calm"), images(output));
  }

  @Test
  void missingAndDeniedSourcesFailTheirRowsAndWrongCredentialsTheJob() throws Exception {
    String manifest =
        upload(
            List.of(
                RowFactory.create("good", "0.png", "p"),
                RowFactory.create("missing", "none.png", "p"),
                RowFactory.create("denied", "1.png", "p"),
                RowFactory.create("bucket", "s3a://no-such-bucket/1.png", "p")));
    proxy.plan((method, path) -> path.endsWith("/1.png") ? Fault.DENIED : Fault.NONE);
    String output = root + "/out";
    assertEquals(2, job.edit(manifest, output, "--io-attempts", "2"), job::err);
    Map<String, Row> results = results(output);
    assertEquals("OK", value(results.get("good"), "status"));
    assertEquals("IMAGE_NOT_FOUND", value(results.get("missing"), "error_class"));
    assertEquals("IMAGE_UNREADABLE", value(results.get("denied"), "error_class"));
    assertEquals("FAILED", value(results.get("bucket"), "status"));

    // Credentials that end in the middle of the work: the job fails, and no row is blamed.
    proxy.plan((method, path) -> path.endsWith("/1.png") ? Fault.EXPIRED : Fault.NONE);
    assertEquals(3, job.edit(manifest, output, "--io-attempts", "1"), job::err);
    assertTrue(job.err().contains("the credentials are refused or have expired"), job.err());
    proxy.plan((method, path) -> Fault.NONE);
    assertEquals(2, job.edit(manifest, output), job::err);
    assertEquals("OK", value(results(output).get("denied"), "status"));

    // A signature of another key is refused by the server itself.
    Configuration wrong = new Configuration(spark.sparkContext().hadoopConfiguration());
    wrong.set("fs.s3a.secret.key", "another-key-than-the-servers");
    wrong.set("fs.s3a.impl.disable.cache", "true");
    IOException refused =
        org.junit.jupiter.api.Assertions.assertThrows(
            IOException.class, () -> new Storage(wrong).read(root + "/0.png", 1 << 20));
    assertTrue(
        refused.toString().contains("403") || refused.toString().contains("Forbidden"),
        refused.toString());
  }
}
