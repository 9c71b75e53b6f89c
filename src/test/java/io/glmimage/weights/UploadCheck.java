package io.glmimage.weights;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Checks and times the upload of weights to a GPU. Writes a safetensors file with tensors of all
 * dtypes and of awkward sizes and offsets. Loads every tensor through pinned pieces and through the
 * mapped file, and compares bit for bit: one by one; all queued behind other work of the GPU, so
 * that copies run late; and from several threads.
 *
 * <pre>
 * java -cp "$CP" io.glmimage.weights.UploadCheck FOLDER [MiB of large tensors, 4096] [cuda:0 ...]
 * </pre>
 *
 * <p>The exit code is 1 if anything differs. Several devices are checked one by one and then all at
 * once. {@code cpu} works too, with ordinary memory instead of pinned memory.
 */
final class UploadCheck {
  private static final int THREADS = 3;
  private static final int ROUNDS = 3;

  private final Path path;
  private final int pieceBytes;
  private final PrintStream out;
  private int compared;
  private int wrong;

  private UploadCheck(Path path, int pieceBytes, PrintStream out) {
    this.path = path;
    this.pieceBytes = pieceBytes;
    this.out = out;
  }

  public static void main(String[] args) throws Exception {
    long bytes = (args.length > 1 ? Long.parseLong(args[1]) : 4096) << 20;
    List<String> devices =
        args.length > 2 ? List.of(args).subList(2, args.length) : List.of("cuda:0");
    int wrong = run(Path.of(args[0]), bytes, SafetensorsFile.PINNED_BYTES, devices, System.out);
    System.exit(wrong == 0 ? 0 : 1);
  }

  /**
   * Writes the file, checks, prints, and removes the file.
   *
   * @param largeBytes size of the tensors whose upload is timed
   * @param pieceBytes size of a piece on a CPU; a GPU has its own
   * @return number of failed comparisons
   */
  static int run(
      Path folder, long largeBytes, int pieceBytes, List<String> devices, PrintStream out)
      throws Exception {
    Path path = folder.resolve("upload-check.safetensors");
    try {
      write(path, largeBytes, pieceBytes);
      UploadCheck check = new UploadCheck(path, pieceBytes, out);
      for (String device : devices) {
        Compute compute = Compute.of(device);
        check.say("%s: %d bytes in %s", compute.device(), Files.size(path), path);
        check.oneByOne(compute);
        check.behindOtherWork(compute);
        check.together(java.util.Collections.nCopies(THREADS, compute));
        check.time(compute);
      }
      if (devices.size() > 1) {
        check.together(devices.stream().map(Compute::of).toList());
      }
      check.say("%d comparisons, %d wrong", check.compared, check.wrong);
      return check.wrong;
    } finally {
      Files.deleteIfExists(path);
    }
  }

  /** Compares the tensor also after its conversion to the compute dtype. */
  private void oneByOne(Compute compute) {
    compute.makeCurrent();
    SafetensorsFile file = SafetensorsFile.open(path);
    for (String name : file.names()) {
      try (TensorScope scope = new TensorScope()) {
        Tensor mapped = file.tensor(name);
        Tensor uploaded = upload(file, name, compute);
        compare(name, mapped, uploaded);
        if (mapped.is_floating_point()) {
          // Both on the device, because CPUs and GPUs round NaN to different bits.
          Tensor plain = Ops.to(mapped, compute, file.dtype(name));
          compare(
              name + " as bfloat16",
              Ops.to(plain, compute, ScalarType.BFloat16),
              Ops.to(uploaded, compute, ScalarType.BFloat16));
        }
      }
    }
    say("one by one: %d wrong so far", wrong);
  }

  /** Compares only after all uploads have been queued, so that a piece reused too early shows. */
  private void behindOtherWork(Compute compute) {
    compute.makeCurrent();
    SafetensorsFile file = SafetensorsFile.open(path);
    try (TensorScope scope = new TensorScope()) {
      Map<String, Tensor> uploaded = new LinkedHashMap<>();
      Tensor square =
          compute.isCuda() ? torch.randn(new long[] {8192, 8192}, compute.options()) : null;
      for (String name : file.names()) {
        if (square != null) {
          try (TensorScope work = new TensorScope()) {
            for (int i = 0; i < 20; i++) {
              square.matmul(square);
            }
          }
        }
        uploaded.put(name, upload(file, name, compute));
      }
      uploaded.forEach((name, tensor) -> compare(name, file.tensor(name), tensor));
    }
    say("behind other work: %d wrong so far", wrong);
  }

  private void together(List<Compute> computes) throws InterruptedException, ExecutionException {
    ExecutorService threads = Executors.newFixedThreadPool(computes.size());
    try {
      List<Future<?>> running = new ArrayList<>();
      for (Compute compute : computes) {
        running.add(threads.submit(() -> oneByOne(compute)));
      }
      for (Future<?> run : running) {
        run.get();
      }
    } finally {
      threads.shutdown();
    }
    say("%s at once: %d wrong so far", computes.stream().map(Compute::device).toList(), wrong);
  }

  private void time(Compute compute) {
    compute.makeCurrent();
    for (int round = 1; round <= ROUNDS; round++) {
      double pinned = seconds(compute, (file, name) -> upload(file, name, compute));
      double plain =
          seconds(
              compute,
              (file, name) -> Ops.to(file.tensor(name), compute, file.dtype(name)).clone());
      long bytes = 0;
      SafetensorsFile file = SafetensorsFile.open(path);
      for (String name : file.names()) {
        bytes += file.bytes(name);
      }
      say(
          "round %d: in pieces %.0f MB/s, from the mapping %.0f MB/s",
          round, bytes / pinned / 1e6, bytes / plain / 1e6);
    }
  }

  private interface Way {
    Tensor take(SafetensorsFile file, String name);
  }

  private double seconds(Compute compute, Way way) {
    SafetensorsFile file = SafetensorsFile.open(path);
    long start = System.nanoTime();
    for (String name : file.names()) {
      try (TensorScope scope = new TensorScope()) {
        way.take(file, name);
      }
    }
    compute.awaitStream();
    return (System.nanoTime() - start) / 1e9;
  }

  private Tensor upload(SafetensorsFile file, String name, Compute compute) {
    return compute.isCuda()
        ? file.tensorOnGpu(name, compute)
        : file.inPieces(name, compute, bytes -> Ops.empty(ScalarType.Byte, bytes), pieceBytes);
  }

  private void compare(String name, Tensor expected, Tensor found) {
    boolean same =
        Ops.dtype(expected) == Ops.dtype(found)
            && java.util.Arrays.equals(Ops.shape(expected), Ops.shape(found))
            && bytes(expected).equal(bytes(found));
    synchronized (this) {
      compared++;
      if (!same) {
        wrong++;
        say("WRONG: %s", name);
      }
    }
  }

  /** [...] -> [bytes], on the CPU, so that NaN is compared too. */
  private static Tensor bytes(Tensor t) {
    return t.cpu().contiguous().reshape(-1).view(ScalarType.Byte);
  }

  private synchronized void say(String format, Object... values) {
    out.printf(Locale.ROOT, format + "%n", values);
  }

  private record Planned(String name, String dtype, int size, long... shape) {
    long bytes() {
      long count = size;
      for (long side : shape) {
        count *= side;
      }
      return count;
    }
  }

  private static List<Planned> plan(long largeBytes, int pieceBytes) {
    List<Planned> plan = new ArrayList<>();
    Map<String, Integer> dtypes = new LinkedHashMap<>();
    List.of("F64", "I64").forEach(dtype -> dtypes.put(dtype, 8));
    List.of("F32", "I32").forEach(dtype -> dtypes.put(dtype, 4));
    List.of("F16", "BF16", "I16").forEach(dtype -> dtypes.put(dtype, 2));
    List.of("I8", "U8", "BOOL").forEach(dtype -> dtypes.put(dtype, 1));
    dtypes.forEach(
        (dtype, size) -> {
          plan.add(new Planned(dtype + ".scalar", dtype, size));
          plan.add(new Planned(dtype + ".empty", dtype, size, 3, 0, 5));
          for (int count : new int[] {1, 3, 1021, 65_537}) {
            plan.add(new Planned(dtype + "." + count, dtype, size, count));
          }
          for (int more : new int[] {-1, 0, 1}) {
            int count = pieceBytes / size + more;
            plan.add(new Planned(dtype + ".piece" + more, dtype, size, count));
          }
          // An odd number of bytes, so that the next tensor is not aligned.
          plan.add(new Planned(dtype + ".odd", "U8", 1, 7));
        });
    long columns = Math.max(1, pieceBytes / 7 / 2);
    for (long left = largeBytes; left > 0; left -= 9 * columns * 2) {
      plan.add(new Planned("large." + left, "BF16", 2, 9, columns));
    }
    return plan;
  }

  private static void write(Path path, long largeBytes, int pieceBytes) throws IOException {
    List<Planned> plan = plan(largeBytes, pieceBytes);
    StringBuilder header = new StringBuilder("{");
    long at = 0;
    for (Planned tensor : plan) {
      header.append(header.length() == 1 ? "" : ",");
      header.append(
          String.format(
              "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
              tensor.name(),
              tensor.dtype(),
              java.util.Arrays.toString(tensor.shape()),
              at,
              at + tensor.bytes()));
      at += tensor.bytes();
    }
    byte[] text = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    long state = 0x9E3779B97F4A7C15L;
    ByteBuffer piece = ByteBuffer.allocate(1 << 20);
    try (OutputStream file =
        new BufferedOutputStream(Files.newOutputStream(path), piece.capacity())) {
      file.write(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
      file.write(text);
      for (Planned tensor : plan) {
        long mask = tensor.dtype().equals("BOOL") ? 0x0101010101010101L : -1;
        for (long left = tensor.bytes(); left > 0; left -= piece.capacity()) {
          for (int i = 0; i < piece.capacity(); i += 8) {
            // xorshift64
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            piece.putLong(i, state & mask);
          }
          file.write(piece.array(), 0, (int) Math.min(piece.capacity(), left));
        }
      }
    }
  }
}
