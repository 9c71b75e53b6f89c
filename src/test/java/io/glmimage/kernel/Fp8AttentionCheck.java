package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Locale;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Tries cuDNN's attention in e4m3 step by step and times it beside that in bfloat16. Run {@code
 * main}; argument: seconds per timing.
 */
final class Fp8AttentionCheck {
  private static final int HEADS = 32;
  private static final int WIDTH = 128;

  private Fp8AttentionCheck() {}

  public static void main(String[] arguments) {
    double seconds = arguments.length > 0 ? Double.parseDouble(arguments[0]) : 3;
    Libtorch.load();
    say("versions: " + Libtorch.versions());
    say("loading cuDNN's binding");
    Loader.load(cudnn.class);
    say("cuDNN " + cudnn.cudnnGetVersion());
    Compute.cuda(0).makeCurrent();
    torch.ones(new long[] {1}, Compute.cuda(0).options());
    plan();
    for (long width : new long[] {16, 32, 64, 128}) {
      say("heads of " + width + ": problem " + CudnnFp8Attention.problem(0, width));
    }
    int[][] shapes = {
      {1, 1}, {1, 700}, {17, 33}, {64, 64}, {100, 100}, {129, 257}, {1057, 2081}, {4100, 4100}
    };
    for (int[] s : shapes) {
      attempt("accuracy " + s[0] + " x " + s[1], () -> accuracy(s[0], s[1]));
    }
    int[][] timed = {{4128, 8224}, {4129, 8225}, {4100, 4100}, {4096, 4096}};
    for (int[] s : timed) {
      attempt("bf16 " + s[0] + " x " + s[1], () -> bfloat16(s[0], s[1], seconds));
      attempt("fp8 " + s[0] + " x " + s[1], () -> e4m3(s[0], s[1], seconds));
    }
    attempt("128 new shapes", Fp8AttentionCheck::newShapes);
    System.exit(0);
  }

  /** A handle and a plan, without running it. */
  private static void plan() {
    cudnnContext handle = new cudnnContext();
    say("cudnnCreate " + cudnn.cudnnCreate(handle));
    AttentionShape shape = new AttentionShape(HEADS, 4128, 8224, WIDTH);
    attempt(
        "plan",
        () -> {
          try (CudnnFp8Plan plan = new CudnnFp8Plan(handle, shape)) {
            return "workspace " + plan.workspaceBytes();
          }
        });
    cudnn.cudnnDestroy(handle);
  }

  private static String accuracy(int queries, int keys) {
    Tensor[] x = inputs(queries, keys);
    double inverse = 1 / QkNormRotary.factor(WIDTH);
    Tensor out = Ops.empty(Compute.cuda(0), ScalarType.Float8_e4m3fn, queries, HEADS, WIDTH);
    CudnnFp8Attention.of(0).apply(x[0], x[1], x[2], out);
    // Memory that the garbage collector frees must not be in use.
    System.gc();
    for (int i = 0; i < 1000; i++) {
      Ops.empty(Compute.cuda(0), ScalarType.Float, 1 + i % 64).fill_(new Scalar(9.0)).close();
    }
    CudnnFp8Attention.of(0).apply(x[0], x[1], x[2], out);
    Tensor expected =
        new AtenSequenceAttention()
            .apply(
                heads(x[0].to(ScalarType.Float).mul(new Scalar(inverse))),
                heads(x[1].to(ScalarType.Float).mul(new Scalar(inverse))),
                heads(x[2].to(ScalarType.Float)));
    Tensor seen = heads(out).to(ScalarType.Float);
    double error = seen.sub(expected).norm().item_double() / expected.norm().item_double();
    AttentionShape shape = new AttentionShape(HEADS, queries, keys, WIDTH);
    double trial = Fp8AttentionTrial.error(Compute.cuda(0), shape, CudnnFp8Attention.of(0)::apply);
    if (!(error <= Fp8AttentionTrial.LARGEST_ERROR)) {
      throw new IllegalStateException("relative error " + error);
    }
    return String.format(
        Locale.ROOT, "relative error %.4f, with the inputs of the trial %.4f", error, trial);
  }

  private static String bfloat16(int queries, int keys, double seconds) {
    Tensor[] x = inputs(queries, keys);
    Tensor q = heads(x[0].to(ScalarType.BFloat16).div(new Scalar(32.0)));
    Tensor k = heads(x[1].to(ScalarType.BFloat16).div(new Scalar(32.0)));
    Tensor v = heads(x[2].to(ScalarType.BFloat16));
    CudnnAttention attention = new CudnnAttention();
    return rate(queries, keys, seconds, () -> attention.apply(q, k, v));
  }

  private static String e4m3(int queries, int keys, double seconds) {
    Tensor[] x = inputs(queries, keys);
    Tensor out = Ops.empty(Compute.cuda(0), ScalarType.Float8_e4m3fn, queries, HEADS, WIDTH);
    CudnnFp8Attention attention = CudnnFp8Attention.of(0);
    return rate(queries, keys, seconds, () -> attention.apply(x[0], x[1], x[2], out));
  }

  private static String newShapes() {
    long start = System.nanoTime();
    int shapes = 128;
    long before = Libtorch.gpuMemoryInUse();
    for (int i = 0; i < shapes; i++) {
      try (TensorScope scope = new TensorScope()) {
        Tensor[] x = inputs(300 + i, 500 + 2 * i);
        CudnnFp8Attention.of(0).apply(x[0], x[1], x[2], x[0].clone());
      }
    }
    Libtorch.synchronize();
    return String.format(
        Locale.ROOT,
        "%.1f ms a shape, %.1f MB of device memory more",
        (System.nanoTime() - start) / 1e6 / shapes,
        (Libtorch.gpuMemoryInUse() - before) / 1e6);
  }

  private static String rate(int queries, int keys, double seconds, Runnable call) {
    long first = System.nanoTime();
    scoped(call);
    Libtorch.synchronize();
    double plan = (System.nanoTime() - first) * 1e-6;
    for (int i = 0; i < 10; i++) {
      scoped(call);
    }
    Libtorch.synchronize();
    long start = System.nanoTime();
    long host = 0;
    int calls = 0;
    while (System.nanoTime() - start < seconds * 1e9) {
      long launch = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        scoped(call);
      }
      host += System.nanoTime() - launch;
      Libtorch.synchronize();
      calls += 20;
    }
    double each = (System.nanoTime() - start) * 1e-9 / calls;
    double flop = 4.0 * HEADS * queries * keys * WIDTH;
    return String.format(
        Locale.ROOT,
        "%.3f ms, %.0f TFLOP/s; first call %.0f ms, host %.1f us a call",
        each * 1e3,
        flop / each / 1e12,
        plan,
        host * 1e-3 / calls);
  }

  private static void scoped(Runnable call) {
    try (TensorScope scope = new TensorScope()) {
      call.run();
    }
  }

  /** Query, key and value {@code [rows, H, d]}. */
  private static Tensor[] inputs(int queries, int keys) {
    return new Tensor[] {random(queries, 32), random(keys, 32), random(keys, 8)};
  }

  private static Tensor random(int rows, double scale) {
    return AtenFp8Attention.e4m3(
        torch
            .randn(new long[] {rows, HEADS, WIDTH}, Compute.cuda(0).options(ScalarType.Float))
            .mul_(new Scalar(scale)));
  }

  private static Tensor heads(Tensor rows) {
    return rows.unsqueeze(0).transpose(1, 2);
  }

  private static void attempt(String what, java.util.function.Supplier<String> work) {
    say(what + " ...");
    try (TensorScope scope = new TensorScope()) {
      say(what + ": " + work.get());
      Libtorch.synchronize();
    } catch (RuntimeException | LinkageError e) {
      say(what + " FAILED: " + e);
      Throwable cause = e.getCause();
      if (cause != null) {
        say("  because of " + cause);
      }
    }
  }

  private static void say(String text) {
    System.out.println("fp8 attention: " + text);
    System.out.flush();
  }
}
