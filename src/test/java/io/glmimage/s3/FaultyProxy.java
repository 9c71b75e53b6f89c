package io.glmimage.s3;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A proxy between a client and an HTTP server that injects the faults of networks and busy servers.
 * Each request has its own connection, so that each can have its own fault.
 */
public final class FaultyProxy implements AutoCloseable {
  /** The fault of a request. */
  public enum Fault {
    NONE,
    /** The server answers that it is overloaded. */
    SLOW_DOWN,
    /** The connection breaks before the answer. */
    RESET,
    /** The server executes the request, but the connection breaks before its answer. */
    LOST_ANSWER,
    /** The connection breaks in the middle of the answer. */
    TRUNCATED,
    /** The answer comes in small pieces. */
    SLOW,
    /** The caller lacks the permission. */
    DENIED,
    /** The caller's credentials have expired. */
    EXPIRED
  }

  /** Chooses the fault of a request; called from many threads. */
  @FunctionalInterface
  public interface Plan {
    Fault of(String method, String path);

    /**
     * As {@link #of(String, String)}.
     *
     * @param head of the request, with its headers
     */
    default Fault of(String method, String path, String head) {
      return of(method, path);
    }
  }

  private static final int SLOW_PIECE = 256;

  private final ServerSocket server;
  private final int target;
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "faulty-proxy");
            thread.setDaemon(true);
            return thread;
          });
  private final Map<Fault, Integer> faults = new EnumMap<>(Fault.class);
  private final AtomicInteger requests = new AtomicInteger();
  private volatile Plan plan = (method, path) -> Fault.NONE;

  public FaultyProxy(int target) throws IOException {
    this.target = target;
    this.server = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
    threads.execute(this::accept);
  }

  public int port() {
    return server.getLocalPort();
  }

  public void plan(Plan newPlan) {
    plan = newPlan;
  }

  /** The number of requests with a fault. */
  public int faults() {
    return faultsByKind().values().stream().mapToInt(Integer::intValue).sum();
  }

  /** The number of requests by fault. */
  public Map<Fault, Integer> faultsByKind() {
    synchronized (faults) {
      return new EnumMap<>(faults);
    }
  }

  public int requests() {
    return requests.get();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        threads.execute(() -> serve(client));
      } catch (IOException e) {
        // Closed.
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      String head = head(client.getInputStream());
      if (head == null) {
        return;
      }
      requests.incrementAndGet();
      String[] line = head.substring(0, head.indexOf('\r')).split(" ");
      Fault fault = plan.of(line[0], line[1], head);
      if (fault != Fault.NONE) {
        synchronized (faults) {
          faults.merge(fault, 1, Integer::sum);
        }
      }
      switch (fault) {
        case SLOW_DOWN -> answer(client, 503, "SlowDown", "Please reduce your request rate.");
        case DENIED -> answer(client, 403, "AccessDenied", "Access Denied");
        case EXPIRED -> answer(client, 400, "ExpiredToken", "The provided token has expired.");
        case RESET -> reset(client);
        default -> relay(client, head, fault);
      }
    } catch (IOException e) {
      // The client or the server has closed its connection; the other one will notice.
    }
  }

  private void relay(Socket client, String head, Fault fault) throws IOException {
    try (Socket origin = new Socket(InetAddress.getLoopbackAddress(), target)) {
      OutputStream up = origin.getOutputStream();
      // The signature does not cover this header.
      up.write(
          head.replaceAll("(?im)^connection:.*\r\n", "")
              .replaceFirst("\r\n", "\r\nConnection: close\r\n")
              .getBytes(StandardCharsets.ISO_8859_1));
      up.flush();
      threads.execute(() -> copyQuietly(client, origin));
      InputStream down = origin.getInputStream();
      OutputStream out = client.getOutputStream();
      byte[] buffer = new byte[fault == Fault.SLOW ? SLOW_PIECE : 1 << 16];
      long passed = 0;
      String answer = "";
      for (int n = down.read(buffer); n >= 0; n = down.read(buffer)) {
        if (answer.isEmpty()) {
          answer = new String(buffer, 0, n, StandardCharsets.ISO_8859_1);
        }
        boolean goOn = answer.startsWith("HTTP/1.1 100") && passed == 0;
        if (fault == Fault.LOST_ANSWER && !goOn) {
          reset(client);
          return;
        }
        int most = fault == Fault.TRUNCATED && !goOn ? n / 2 : n;
        out.write(buffer, 0, most);
        out.flush();
        passed += most;
        if (fault == Fault.TRUNCATED && !goOn) {
          reset(client);
          return;
        }
        if (goOn) {
          answer = "";
        }
        if (fault == Fault.SLOW) {
          sleep();
        }
      }
    }
  }

  private static void copyQuietly(Socket client, Socket origin) {
    try {
      client.getInputStream().transferTo(origin.getOutputStream());
    } catch (IOException e) {
      // The end of the exchange.
    }
  }

  private static void answer(Socket client, int status, String code, String message)
      throws IOException {
    byte[] body =
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>"
                + code
                + "</Code><Message>"
                + message
                + "</Message><RequestId>0</RequestId></Error>")
            .getBytes(StandardCharsets.UTF_8);
    OutputStream out = client.getOutputStream();
    out.write(
        ("HTTP/1.1 "
                + status
                + " x\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: "
                + body.length
                + "\r\n\r\n")
            .getBytes(StandardCharsets.ISO_8859_1));
    out.write(body);
    out.flush();
    client.shutdownOutput();
    // Reads the rest of the request, because closing now would reset the connection.
    client.setSoTimeout(300);
    try {
      client.getInputStream().transferTo(OutputStream.nullOutputStream());
    } catch (IOException e) {
      // The client waits for the end of the answer.
    }
  }

  private static void reset(Socket client) throws IOException {
    client.setSoLinger(true, 0);
  }

  private static void sleep() {
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The request up to the empty line; null if the client sends nothing. */
  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    int matched = 0;
    while (matched < 4) {
      int b = in.read();
      if (b < 0) {
        return null;
      }
      head.write(b);
      matched = b == "\r\n\r\n".charAt(matched) ? matched + 1 : b == '\r' ? 1 : 0;
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() throws IOException, InterruptedException {
    server.close();
    threads.shutdownNow();
    threads.awaitTermination(5, TimeUnit.SECONDS);
  }
}
