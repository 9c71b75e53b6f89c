package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Shows what a plan of cuDNN costs: computes one operation with many shapes, each new, and prints
 * how the process's and the GPU's memory grow. Then computes the last shapes again, and times them
 * as known shapes. Run {@code main}; arguments: {@code planned} (attention in bf16 with plans of
 * ours), {@code libtorch} (attention in bf16 with libtorch's plans), {@code default} (libtorch's
 * choice of attention), {@code fp8}, {@code convolution} or {@code product}; and the number of
 * shapes.
 */
final class CudnnPlansCheck {
  private static final Compute GPU = Compute.cuda(0);
  private static final int HEADS = 32;
  private static final int WIDTH = 128;
  private static final int CHANNELS = 128;
  private static final int LINES = 10;

  private CudnnPlansCheck() {}

  public static void main(String[] arguments) throws IOException {
    Libtorch.load();
    GPU.makeCurrent();
    String kind = arguments[0];
    int shapes = Integer.parseInt(arguments[1]);
    SequenceAttention libtorch = new CudnnAttention();
    CudnnPlannedAttention planned =
        new CudnnPlannedAttention(
            0,
            (q, k, v) -> {
              throw new KernelException("Cannot check plans: the call goes to libtorch");
            });
    if (kind.equals("planned")) {
      Optional<String> problem = planned.problem(WIDTH);
      System.out.println("problem of heads of " + WIDTH + ": " + problem.orElse("none"));
      accuracy(planned, libtorch);
    }
    SequenceAttention attention =
        switch (kind) {
          case "planned" -> planned;
          case "libtorch" -> libtorch;
          case "default" -> new AtenSequenceAttention();
          default -> null;
        };
    System.out.println(kind + ": shapes  resident MB  device MB  seconds");
    double start = resident();
    long device = Libtorch.gpuMemoryInUse();
    long nanos = System.nanoTime();
    for (int i = 0; i < shapes; i++) {
      call(kind, attention, i);
      if ((i + 1) % Math.max(1, shapes / LINES) == 0) {
        Libtorch.synchronize();
        System.out.printf(
            Locale.ROOT,
            "%6d  %9.1f  %9.1f  %7.2f%n",
            i + 1,
            resident(),
            Libtorch.gpuMemoryInUse() / 1e6,
            (System.nanoTime() - nanos) / 1e9);
      }
    }
    double each = (System.nanoTime() - nanos) / 1e6 / shapes;
    System.out.printf(
        Locale.ROOT,
        "%s: each new shape: %.3f MB resident, %.3f MB on the device, %.1f ms%n",
        kind,
        (resident() - start) / shapes,
        (Libtorch.gpuMemoryInUse() - device) / 1e6 / shapes,
        each);
    int known = Math.min(50, shapes);
    nanos = System.nanoTime();
    for (int i = shapes - known; i < shapes; i++) {
      call(kind, attention, i);
    }
    Libtorch.synchronize();
    System.out.printf(
        Locale.ROOT,
        "%s: each known shape: %.2f ms%n",
        kind,
        (System.nanoTime() - nanos) / 1e6 / known);
    if (attention != null) {
      rate(kind, attention, 4128, 8224);
      rate(kind, attention, 4129, 8225);
    }
    System.exit(0);
  }

  private static void call(String kind, SequenceAttention attention, int i) {
    try (TensorScope scope = new TensorScope()) {
      if (kind.equals("convolution")) {
        // Channels last, as in the image autoencoder.
        Tensor x = Ops.channelsLast(random(1, CHANNELS, 20 + i % 97, 20 + i / 97));
        Tensor weight = Ops.channelsLast(random(CHANNELS, CHANNELS, 3, 3));
        Ops.conv2d(x, weight, null, 1, 1);
        return;
      }
      if (kind.equals("product")) {
        Ops.linear(random(300 + i, 1024), random(1024, 1024), null);
        return;
      }
      Tensor query = random(300 + i, HEADS, WIDTH);
      Tensor key = random(500 + 2L * i, HEADS, WIDTH);
      Tensor value = random(500 + 2L * i, HEADS, WIDTH);
      if (kind.equals("fp8")) {
        Tensor out =
            Ops.empty(GPU, ScalarType.Float8_e4m3fn, query.size(0), (long) HEADS, (long) WIDTH);
        CudnnFp8Attention.of(0)
            .apply(
                AtenFp8Attention.e4m3(query),
                AtenFp8Attention.e4m3(key),
                AtenFp8Attention.e4m3(value),
                out);
      } else {
        attention.apply(heads(query), heads(key), heads(value));
      }
    }
  }

  private static void accuracy(SequenceAttention planned, SequenceAttention libtorch) {
    int[][] lengths = {{1, 1}, {1, 700}, {17, 33}, {129, 257}, {1057, 2081}, {4129, 8225}};
    for (int[] l : lengths) {
      try (TensorScope scope = new TensorScope()) {
        Tensor q = heads(random(l[0], HEADS, WIDTH));
        Tensor k = heads(random(l[1], HEADS, WIDTH));
        Tensor v = heads(random(l[1], HEADS, WIDTH));
        Tensor ours = planned.apply(q, k, v).to(ScalarType.Float);
        Tensor theirs = libtorch.apply(q, k, v).to(ScalarType.Float);
        double same = ours.eq(theirs).to(ScalarType.Float).mean().item_double();
        double difference = ours.sub(theirs).norm().item_double() / theirs.norm().item_double();
        System.out.printf(
            Locale.ROOT,
            "%d x %d: %.2f %% of the elements equal libtorch's, relative difference %.2g%n",
            l[0],
            l[1],
            100 * same,
            difference);
      }
    }
  }

  private static void rate(String kind, SequenceAttention attention, int queries, int keys) {
    try (TensorScope outer = new TensorScope()) {
      Tensor q = heads(random(queries, HEADS, WIDTH));
      Tensor k = heads(random(keys, HEADS, WIDTH));
      Tensor v = heads(random(keys, HEADS, WIDTH));
      int calls = 400;
      double best = Double.MAX_VALUE;
      for (int round = 0; round < 4; round++) {
        Libtorch.synchronize();
        long nanos = System.nanoTime();
        for (int i = 0; i < calls; i++) {
          try (TensorScope scope = new TensorScope()) {
            attention.apply(q, k, v);
          }
        }
        Libtorch.synchronize();
        // The first round is a warm-up.
        best = round == 0 ? best : Math.min(best, (System.nanoTime() - nanos) / 1e9 / calls);
      }
      System.out.printf(
          Locale.ROOT,
          "%s %d x %d: %.3f ms, %.0f TFLOP/s%n",
          kind,
          queries,
          keys,
          best * 1e3,
          4.0 * HEADS * queries * keys * WIDTH / best / 1e12);
    }
  }

  private static Tensor random(long... shape) {
    return torch
        .randn(shape, GPU.options(ScalarType.Float))
        .mul_(new Scalar(0.7))
        .to(ScalarType.BFloat16);
  }

  private static Tensor heads(Tensor rows) {
    return rows.unsqueeze(0).transpose(1, 2);
  }

  /** Resident memory of this process in MB. */
  private static double resident() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) * 1024 / 1e6)
        .findFirst()
        .orElseThrow();
  }
}
