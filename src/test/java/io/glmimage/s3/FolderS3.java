package io.glmimage.s3;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;

/**
 * The reading half of the S3 protocol for a folder: HEAD, GET with ranges, and lists (version 2).
 * The files stay where they are, so sparse files of any size can be served. Signatures are not
 * checked.
 */
public final class FolderS3 implements AutoCloseable {
  public static final String BUCKET = "bucket";
  private static final String MODIFIED = "2026-01-01T00:00:00.000Z";
  private static final int PIECE = 1 << 16;

  private final Path folder;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final AtomicInteger requests = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();

  private FolderS3(Path folder, InetSocketAddress address) throws IOException {
    this.folder = folder;
    this.server = HttpServer.create(address, 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Serves the files below a folder in {@link #BUCKET}. */
  public static FolderS3 start(Path folder) throws IOException {
    return new FolderS3(folder, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  /** Serves a folder until the process is ended. Arguments: the folder, an address and a port. */
  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]).toAbsolutePath();
    FolderS3 server =
        new FolderS3(folder, new InetSocketAddress(args[1], Integer.parseInt(args[2])));
    System.out.println("Serving " + folder + " on port " + server.port());
  }

  public int port() {
    return server.getAddress().getPort();
  }

  /** Hadoop's settings to read the folder by {@code s3a}, with a client of its own. */
  public Configuration settings() {
    Configuration settings = new Configuration();
    settings.set("fs.s3a.endpoint", "http://127.0.0.1:" + port());
    settings.set("fs.s3a.path.style.access", "true");
    settings.set("fs.s3a.access.key", "reader");
    settings.set("fs.s3a.secret.key", "secret");
    settings.set("fs.s3a.connection.ssl.enabled", "false");
    settings.setBoolean("fs.s3a.impl.disable.cache", true);
    return settings;
  }

  /** The number of requests so far. */
  public int requests() {
    return requests.get();
  }

  /** The bytes of objects that were handed to the network so far. */
  public long bytes() {
    return bytes.get();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    requests.incrementAndGet();
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      String key = path.replaceFirst("^/" + BUCKET + "/?", "");
      if (key.isEmpty()) {
        list(exchange);
        return;
      }
      Path file = folder.resolve(key);
      if (key.endsWith("/") || !Files.isRegularFile(file)) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      send(exchange, file);
    }
  }

  private void send(HttpExchange exchange, Path file) throws IOException {
    long size = Files.size(file);
    exchange.getResponseHeaders().set("ETag", "\"" + Integer.toHexString(file.hashCode()) + "\"");
    exchange
        .getResponseHeaders()
        .set(
            "Last-Modified",
            DateTimeFormatter.RFC_1123_DATE_TIME.format(
                Instant.parse(MODIFIED).atOffset(ZoneOffset.UTC)));
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Long.toString(size));
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    String range = exchange.getRequestHeaders().getFirst("Range");
    long first = 0;
    long last = size - 1;
    if (range != null) {
      String[] ends = range.substring("bytes=".length()).split("-", 2);
      first = Long.parseLong(ends[0]);
      last = ends[1].isEmpty() ? last : Math.min(last, Long.parseLong(ends[1]));
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes " + first + "-" + last + "/" + size);
    }
    long left = last - first + 1;
    exchange.sendResponseHeaders(range == null ? 200 : 206, left == 0 ? -1 : left);
    byte[] piece = new byte[PIECE];
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r");
        OutputStream out = exchange.getResponseBody()) {
      in.seek(first);
      while (left > 0) {
        int n = in.read(piece, 0, (int) Math.min(piece.length, left));
        // Fails when the client has read enough and closes the connection.
        out.write(piece, 0, n);
        bytes.addAndGet(n);
        left -= n;
      }
    }
  }

  private void list(HttpExchange exchange) throws IOException {
    Map<String, String> query = query(exchange.getRequestURI());
    String prefix = query.getOrDefault("prefix", "");
    String delimiter = query.getOrDefault("delimiter", "");
    StringBuilder found = new StringBuilder();
    TreeSet<String> folders = new TreeSet<>();
    for (String key : keys()) {
      if (!key.startsWith(prefix)) {
        continue;
      }
      int end = delimiter.isEmpty() ? -1 : key.indexOf(delimiter, prefix.length());
      if (end >= 0) {
        folders.add(key.substring(0, end + 1));
      } else {
        found.append(
            "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%x&quot;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>"
                .formatted(
                    key,
                    MODIFIED,
                    folder.resolve(key).hashCode(),
                    Files.size(folder.resolve(key))));
      }
    }
    folders.forEach(
        name -> found.append("<CommonPrefixes><Prefix>" + name + "</Prefix></CommonPrefixes>"));
    byte[] xml =
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                + "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>"
                + BUCKET
                + "</Name><Prefix>"
                + prefix
                + "</Prefix><KeyCount>1</KeyCount><MaxKeys>5000</MaxKeys>"
                + "<IsTruncated>false</IsTruncated>"
                + found
                + "</ListBucketResult>")
            .getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/xml");
    exchange.sendResponseHeaders(200, xml.length);
    exchange.getResponseBody().write(xml);
  }

  private List<String> keys() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString())
          .sorted()
          .toList();
    }
  }

  private static Map<String, String> query(URI uri) {
    Map<String, String> values = new TreeMap<>();
    String raw = uri.getRawQuery() == null ? "" : uri.getRawQuery();
    for (String part : raw.split("&", -1)) {
      int equals = part.indexOf('=');
      if (equals > 0) {
        values.put(
            part.substring(0, equals),
            URLDecoder.decode(part.substring(equals + 1), StandardCharsets.UTF_8));
      }
    }
    return values;
  }
}
