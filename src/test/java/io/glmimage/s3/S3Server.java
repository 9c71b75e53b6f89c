package io.glmimage.s3;

import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.InitiateMultipartUploadRequest;
import com.amazonaws.services.s3.model.ListMultipartUploadsRequest;
import com.amazonaws.services.s3.model.MultipartUpload;
import com.amazonaws.services.s3.model.ObjectMetadata;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.Until;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.opentest4j.TestAbortedException;

/**
 * S3Proxy in a separate process: an S3 server over HTTP that checks signatures and keeps objects in
 * memory. Maven resolves its class path from a separate pom, once per build folder.
 */
public final class S3Server implements AutoCloseable {
  public static final String ACCESS_KEY = "TESTACCESSKEY";
  public static final String SECRET_KEY = "test-secret-key-of-nobody";
  private static final Path CLASS_PATH = Path.of("target", "s3proxy.classpath").toAbsolutePath();
  private static final Path POM = Path.of("src", "test", "s3proxy", "pom.xml").toAbsolutePath();

  private final Process process;
  private final int port;

  private S3Server(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /**
   * Starts a server without buckets.
   *
   * @param folder for the settings and the log of the server
   * @throws TestAbortedException if Maven cannot resolve S3Proxy
   */
  public static S3Server start(Path folder) throws Exception {
    String classPath = classPath();
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Properties settings = new Properties();
    settings.setProperty("s3proxy.endpoint", "http://127.0.0.1:" + port);
    settings.setProperty("s3proxy.authorization", "aws-v2-or-v4");
    settings.setProperty("s3proxy.identity", ACCESS_KEY);
    settings.setProperty("s3proxy.credential", SECRET_KEY);
    // S3A of Hadoop 3.5 deletes with x-amz-checksum-crc32, which AWS knows and S3Proxy does not.
    settings.setProperty("s3proxy.ignore-unknown-headers", "true");
    settings.setProperty("jclouds.provider", "transient");
    settings.setProperty("jclouds.identity", "none");
    settings.setProperty("jclouds.credential", "none");
    Path file = folder.resolve("s3proxy.properties");
    try (var out = Files.newOutputStream(file)) {
      settings.store(out, null);
    }
    Path log = folder.resolve("s3proxy.log");
    List<String> command = new ArrayList<>();
    command.addAll(List.of(System.getProperty("java.home") + "/bin/java", "-Xmx256m"));
    command.addAll(List.of(SparkProcess.SHORT_LIVED.split(" ")));
    command.addAll(List.of("-DLOG_LEVEL=warn", "-cp", classPath, "org.gaul.s3proxy.Main"));
    command.addAll(List.of("--properties", file.toString()));
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    S3Server server = new S3Server(process, port);
    try {
      Until.holds("S3Proxy answers or has ended", () -> !process.isAlive() || server.answers());
    } catch (AssertionError e) {
      server.close();
      throw e;
    }
    if (!process.isAlive()) {
      throw new AssertionError("S3Proxy has ended:\n" + Files.readString(log));
    }
    return server;
  }

  public int port() {
    return port;
  }

  public void createBucket(String name) {
    with(client -> client.createBucket(name));
  }

  /** Begins a multipart upload without finishing it. */
  public void beginUpload(String bucket, String key) {
    with(client -> client.initiateMultipartUpload(new InitiateMultipartUploadRequest(bucket, key)));
  }

  /** The keys of uploads that are neither finished nor aborted. */
  public List<String> pendingUploads(String bucket) {
    return with(
        client ->
            client
                .listMultipartUploads(new ListMultipartUploadsRequest(bucket))
                .getMultipartUploads()
                .stream()
                .map(MultipartUpload::getKey)
                .toList());
  }

  private <T> T with(Function<AmazonS3, T> work) {
    AmazonS3 client = client();
    try {
      return work.apply(client);
    } finally {
      client.shutdown();
    }
  }

  /** The metadata of an object. */
  public ObjectMetadata head(String bucket, String key) {
    return with(client -> client.getObjectMetadata(bucket, key));
  }

  private AmazonS3 client() {
    return AmazonS3ClientBuilder.standard()
        .withCredentials(
            new AWSStaticCredentialsProvider(new BasicAWSCredentials(ACCESS_KEY, SECRET_KEY)))
        .withEndpointConfiguration(
            new AwsClientBuilder.EndpointConfiguration("http://127.0.0.1:" + port, "us-east-1"))
        .withPathStyleAccessEnabled(true)
        .build();
  }

  private boolean answers() {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      HttpResponse<Void> unsigned =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/")).build(),
                  HttpResponse.BodyHandlers.discarding());
      // The server refuses requests without a signature.
      return socket.isConnected() && unsigned.statusCode() == 403;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static String classPath() throws Exception {
    if (!Files.exists(CLASS_PATH) || Files.size(CLASS_PATH) == 0) {
      Files.createDirectories(CLASS_PATH.getParent());
      Path log = CLASS_PATH.resolveSibling("s3proxy.classpath.log");
      Process maven =
          new ProcessBuilder(
                  List.of(
                      System.getProperty("maven.home") + "/bin/mvn",
                      "-B",
                      "-f",
                      POM.toString(),
                      "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
                      "-Dmdep.outputFile=" + CLASS_PATH))
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!maven.waitFor(5, TimeUnit.MINUTES) || maven.exitValue() != 0) {
        maven.destroyForcibly();
        throw new TestAbortedException("Skipped: Maven cannot get S3Proxy; see " + log);
      }
    }
    return Files.readString(CLASS_PATH).strip();
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(5, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }
}
