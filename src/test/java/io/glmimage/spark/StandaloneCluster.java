package io.glmimage.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A Spark master and workers on this machine. Each is a process with its own folder, one core and a
 * {@link FakeGpus fake GPU}.
 */
public final class StandaloneCluster implements AutoCloseable {
  private final Path work;
  private final String workerMemory;
  private final String url;
  private final List<Process> started = new ArrayList<>();
  private int workers;

  /**
   * @param work the folder in which processes run and write their logs
   * @param workerMemory for the executors of a worker
   */
  public StandaloneCluster(Path work, String workerMemory) throws IOException {
    this.work = work;
    this.workerMemory = workerMemory;
    int port = freePort();
    url = "spark://127.0.0.1:" + port;
    add(
        SparkProcess.java(
            work,
            work.resolve("master.log"),
            "128m",
            Map.of("spark.ui.enabled", "false"),
            "org.apache.spark.deploy.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            "" + port,
            "--webui-port",
            "" + freePort()));
  }

  public String url() {
    return url;
  }

  /** Waits until the master listens; spark-submit of a driver for a worker does not try again. */
  public void awaitMaster() {
    Until.holds(
        "the master listens",
        () -> {
          try (Socket socket =
              new Socket(
                  InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), URI.create(url).getPort())) {
            return socket.isConnected();
          } catch (ConnectException e) {
            return false;
          }
        });
  }

  /** The folder of worker {@code i}, counted from 1, below which its executors run. */
  public Path workerFolder(int i) {
    return work.resolve("worker-" + i);
  }

  public void addWorker() {
    addWorker("127.0.0.1");
  }

  /**
   * @param host one of the machine's own addresses (127.0.0.2, ...). Spark treats workers with
   *     different addresses as different hosts. It never copies a task to the host that runs it
   */
  public synchronized void addWorker(String host) {
    workers++;
    try {
      Path folder = Files.createDirectory(workerFolder(workers));
      Map<String, String> settings = new LinkedHashMap<>(FakeGpus.workerSettings(work));
      settings.put("spark.worker.ui.enabled", "false");
      add(
          SparkProcess.java(
              folder,
              work.resolve("worker-" + workers + ".log"),
              "128m",
              settings,
              "org.apache.spark.deploy.worker.Worker",
              "--host",
              host,
              "--cores",
              "1",
              "--memory",
              workerMemory,
              "--webui-port",
              "" + freePort(),
              "--work-dir",
              folder.toString(),
              url));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The processes of executors that are alive. */
  public synchronized List<ProcessHandle> executors() {
    return started.stream().flatMap(Process::descendants).filter(SparkProcess::isExecutor).toList();
  }

  /** Ends {@code process} together with the cluster. */
  public synchronized Process add(Process process) {
    started.add(process);
    return process;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Override
  public synchronized void close() throws InterruptedException {
    for (Process process : started) {
      // Executors are children of workers.
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    }
  }
}
