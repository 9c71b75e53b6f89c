package io.glmimage.tensor;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The tensor operations that the networks consist of. Each returns a new tensor, which belongs to
 * the innermost open {@link TensorScope} of the thread. An optional bias, weight or mask may be
 * null.
 */
public final class Ops {
  private Ops() {}

  // ---- making tensors ----

  /** A float32 CPU tensor with a copy of {@code values}. */
  public static Tensor of(float[] values, long... shape) {
    checkCount(values.length, shape);
    Tensor t = empty(ScalarType.Float, shape);
    if (values.length > 0) {
      new FloatPointer(t.data_ptr()).put(values);
    }
    return t;
  }

  /** An int64 CPU tensor with a copy of {@code values}. */
  public static Tensor of(long[] values, long... shape) {
    checkCount(values.length, shape);
    Tensor t = empty(ScalarType.Long, shape);
    if (values.length > 0) {
      new LongPointer(t.data_ptr()).put(values);
    }
    return t;
  }

  /** An int64 CPU tensor with a copy of {@code values}. */
  public static Tensor of(int[] values, long... shape) {
    return of(Arrays.stream(values).asLongStream().toArray(), shape);
  }

  /** A uint8 CPU tensor with a copy of {@code values}. */
  public static Tensor of(byte[] values, long... shape) {
    checkCount(values.length, shape);
    Tensor t = empty(ScalarType.Byte, shape);
    if (values.length > 0) {
      new BytePointer(t.data_ptr()).put(values);
    }
    return t;
  }

  /** An uninitialised CPU tensor. */
  public static Tensor empty(ScalarType type, long... shape) {
    return torch.empty(shape, Compute.cpu().options(type), new MemoryFormatOptional());
  }

  /** An uninitialised tensor of the device and dtype of {@code compute}. */
  public static Tensor empty(Compute compute, long... shape) {
    return torch.empty(shape, compute.options(), new MemoryFormatOptional());
  }

  /** An uninitialised tensor of the device of {@code compute}, in another dtype. */
  public static Tensor empty(Compute compute, ScalarType type, long... shape) {
    return torch.empty(shape, compute.options(type), new MemoryFormatOptional());
  }

  /**
   * An uninitialised uint8 tensor in pinned host memory, from which a GPU copies asynchronously.
   * Needs a GPU.
   */
  public static Tensor emptyPinned(long bytes) {
    return torch.empty(
        new long[] {bytes},
        Compute.cpu().options(ScalarType.Byte).pinned_memory(new BoolOptional(true)),
        new MemoryFormatOptional());
  }

  public static Tensor zeros(TensorOptions options, long... shape) {
    return torch.zeros(shape, options);
  }

  /**
   * {@code t} on the device and in the dtype of {@code compute}; {@code t} itself if both are right
   * already.
   */
  public static Tensor to(Tensor t, Compute compute) {
    return to(t, compute, compute.dtype());
  }

  /** {@code t} on the device of {@code compute}, in {@code type}. */
  public static Tensor to(Tensor t, Compute compute, ScalarType type) {
    return t.to(compute.torchDevice(), type, false, false, new MemoryFormatOptional());
  }

  /** Images {@code x [B, C, H, W]} with the channels last in memory; {@code x} if they are. */
  public static Tensor channelsLast(Tensor x) {
    return x.contiguous(MemoryFormat.ChannelsLast);
  }

  /**
   * An uninitialised tensor {@code [B, C, H, W]} with the device and the dtype of {@code like} and
   * the channels last in memory.
   */
  public static Tensor emptyChannelsLast(Tensor like, long... shape) {
    return torch.empty(shape, like.options(), new MemoryFormatOptional(MemoryFormat.ChannelsLast));
  }

  // ---- reading tensors ----

  public static long[] shape(Tensor t) {
    long[] sizes = new long[(int) t.dim()];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = t.size(i);
    }
    return sizes;
  }

  /** The dtype, comparable with {@code ==}, unlike the result of {@link Tensor#scalar_type}. */
  public static ScalarType dtype(Tensor t) {
    return t.scalar_type().intern();
  }

  /**
   * Whether the channels of images {@code [B, C, H, W]} are last in memory, and not first as well:
   * in an image of one pixel they are both.
   */
  public static boolean isChannelsLast(Tensor x) {
    return x.is_contiguous(MemoryFormat.ChannelsLast) && !x.is_contiguous();
  }

  public static boolean isEmpty(Tensor t) {
    return t.numel() == 0;
  }

  /** The values as float32, in row-major order. */
  public static float[] toFloats(Tensor t) {
    try (TensorScope scope = new TensorScope()) {
      Tensor host = t.to(new org.bytedeco.pytorch.Device("cpu"), ScalarType.Float).contiguous();
      float[] out = new float[Math.toIntExact(host.numel())];
      if (out.length > 0) {
        new FloatPointer(host.data_ptr()).get(out);
      }
      return out;
    }
  }

  /** The values as int64, in row-major order. */
  public static long[] toLongs(Tensor t) {
    try (TensorScope scope = new TensorScope()) {
      Tensor host = t.to(new org.bytedeco.pytorch.Device("cpu"), ScalarType.Long).contiguous();
      long[] out = new long[Math.toIntExact(host.numel())];
      if (out.length > 0) {
        new LongPointer(host.data_ptr()).get(out);
      }
      return out;
    }
  }

  /** The values as int32, in row-major order. */
  public static int[] toInts(Tensor t) {
    try (TensorScope scope = new TensorScope()) {
      Tensor host = t.to(new org.bytedeco.pytorch.Device("cpu"), ScalarType.Int).contiguous();
      int[] out = new int[Math.toIntExact(host.numel())];
      if (out.length > 0) {
        new IntPointer(host.data_ptr()).get(out);
      }
      return out;
    }
  }

  /** The values as uint8, in row-major order. */
  public static byte[] toBytes(Tensor t) {
    try (TensorScope scope = new TensorScope()) {
      Tensor host = t.to(new org.bytedeco.pytorch.Device("cpu"), ScalarType.Byte).contiguous();
      byte[] out = new byte[Math.toIntExact(host.numel())];
      if (out.length > 0) {
        new BytePointer(host.data_ptr()).get(out);
      }
      return out;
    }
  }

  // ---- operations ----

  /**
   * {@code x [.., I]} times {@code weight [O, I]} transposed, plus {@code bias [O]} or null: {@code
   * [.., O]}.
   */
  public static Tensor linear(Tensor x, Tensor weight, Tensor bias) {
    return bias == null
        ? torch.linear(x, weight)
        : torch.linear(x, weight, new TensorOptional(bias));
  }

  /** LayerNorm over the last dimension; {@code weight} and {@code bias} may be null. */
  public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
    return torch.layer_norm(
        x,
        new long[] {x.size(-1)},
        optional(weight),
        optional(bias),
        eps,
        /* cudnn_enable= */ false);
  }

  /**
   * RMS norm over the last dimension, statistics in float32: {@code x / sqrt(mean(x^2) + eps) *
   * weight}.
   */
  public static Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
    return torch.rms_norm(x, new long[] {x.size(-1)}, optional(weight), new DoubleOptional(eps));
  }

  /** Group norm of {@code x [B, C, H, W]}. */
  public static Tensor groupNorm(Tensor x, long groups, Tensor weight, Tensor bias, double eps) {
    return torch.group_norm(
        x, groups, optional(weight), optional(bias), eps, /* cudnn_enabled= */ true);
  }

  /** Convolution of {@code x [B, C, H, W]} with a square stride and padding, no dilation. */
  public static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, long stride, long padding) {
    return torch.conv2d(
        x,
        weight,
        optional(bias),
        new long[] {stride, stride},
        new long[] {padding, padding},
        new long[] {1, 1},
        1);
  }

  /**
   * softmax(q kᵀ scale + mask) v.
   *
   * @param q [B, H, Q, D]
   * @param k [B, G, K, D]; G is H, or a divisor of H if {@code grouped}
   * @param v like k
   * @param mask broadcast to [B, H, Q, K], or null. Numbers are added to the scores; of a boolean
   *     mask, positions with true take part
   * @param causal query i sees keys 0..i only; excludes a mask
   */
  public static Tensor attention(
      Tensor q, Tensor k, Tensor v, Tensor mask, boolean causal, boolean grouped) {
    return torch.scaled_dot_product_attention(
        q, k, v, optional(mask), 0.0, causal, new DoubleOptional(), grouped);
  }

  /**
   * softmax(q kᵀ scale + mask) v with a given scale, and as many key heads as query heads.
   *
   * @param q [B, H, Q, D]
   * @param k [B, H, K, D]
   * @param v like k
   * @param mask added to the scores, broadcast to [B, H, Q, K], or null
   */
  public static Tensor scaledAttention(Tensor q, Tensor k, Tensor v, Tensor mask, double scale) {
    return torch.scaled_dot_product_attention(
        q, k, v, optional(mask), 0.0, false, new DoubleOptional(scale), false);
  }

  /** {@code x [B, C, H, W]} with every pixel doubled: {@code [B, C, 2H, 2W]}. */
  public static Tensor upsampleNearest2x(Tensor x) {
    return torch.upsample_nearest2d(
        x,
        new long[] {2 * x.size(2), 2 * x.size(3)},
        new DoubleOptional(2.0),
        new DoubleOptional(2.0));
  }

  public static Tensor cat(long dim, Tensor... tensors) {
    return torch.cat(new TensorVector(tensors), dim);
  }

  public static Tensor cat(long dim, List<Tensor> tensors) {
    return cat(dim, tensors.toArray(Tensor[]::new));
  }

  public static Tensor stack(long dim, List<Tensor> tensors) {
    return torch.stack(new TensorVector(tensors.toArray(Tensor[]::new)), dim);
  }

  /**
   * An image {@code [C, h, w]} as rows of p x p patches {@code [h / p * w / p, C p p]}. The order
   * within a row is (channel, y, x).
   */
  public static Tensor patches(Tensor image, long patch) {
    long channels = image.size(0);
    long rows = image.size(1) / patch;
    long columns = image.size(2) / patch;
    // [C, h, w] -> [C, h / p, p, w / p, p] -> [h / p, w / p, C, p, p] -> [h / p * w / p, C p p]
    return image
        .reshape(channels, rows, patch, columns, patch)
        .permute(1, 3, 0, 2, 4)
        .reshape(rows * columns, channels * patch * patch);
  }

  /** The image {@code [C, rows p, columns p]} of the given {@link #patches}. */
  public static Tensor fromPatches(Tensor patches, long rows, long columns, long patch) {
    long channels = patches.size(1) / (patch * patch);
    // [rows * columns, C p p] -> [rows, columns, C, p, p] -> [C, rows, p, columns, p] -> [C, h, w]
    return patches
        .reshape(rows, columns, channels, patch, patch)
        .permute(2, 0, 3, 1, 4)
        .reshape(channels, rows * patch, columns * patch);
  }

  private static TensorOptional optional(Tensor t) {
    return t == null ? new TensorOptional() : new TensorOptional(t);
  }

  private static void checkCount(long count, long... shape) {
    long product = 1;
    for (long s : shape) {
      product *= s;
    }
    if (product != count) {
      throw new IllegalArgumentException(
          "Cannot make a tensor of shape " + Arrays.toString(shape) + " from " + count + " values");
    }
  }
}
