package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Checks the arguments of one call for what its CUDA kernel needs. The first requirement that is
 * not met is the reason for not using the kernel. Whether the tensors are on a GPU is checked last,
 * so that everything else can be tested without one.
 */
final class KernelGuard {
  /** Bytes of a vector. Rows and first elements must be aligned to it. */
  static final int ALIGNMENT = 16;

  private static final ScalarType[] FLOATING = {ScalarType.BFloat16, ScalarType.Float};

  private final ScalarType type;
  private boolean empty;
  private String reason;
  private boolean offDevice;

  /** The activations have the dtype of {@code leading}: bfloat16 or float32. */
  KernelGuard(Tensor leading) {
    this(leading, FLOATING);
  }

  /** The activations have the dtype of {@code leading}, one of {@code supported}. */
  KernelGuard(Tensor leading, ScalarType... supported) {
    // The binding makes a new enum object for every answer.
    type = leading.scalar_type().intern();
    if (Arrays.stream(supported).noneMatch(s -> s == type)) {
      reason =
          "fused supports "
              + String.join(" and ", Arrays.stream(supported).map(KernelGuard::name).toList())
              + ", got "
              + name(type);
    }
  }

  /** A guard for kernels whose blocks hold whole rows of {@code x [.., D]} in registers. */
  static KernelGuard rows(Tensor x) {
    return rows(x, x.size(-1));
  }

  /** As {@link #rows(Tensor)}, for rows of another width than those of {@code x}. */
  static KernelGuard rows(Tensor x, long width) {
    KernelGuard guard = new KernelGuard(x);
    // The kernel for any dtype but float32 holds as many elements as that for bf16.
    long vector = Ops.dtype(x) == ScalarType.Float ? 4 : 8;
    return guard.width(width, vector * KernelConstants.ROW_THREADS * KernelConstants.ROW_VECTORS);
  }

  /**
   * A guard for kernels of images {@code [B, C, H, W]} whose channels are last, all of the dtype of
   * the first. A block holds at least one position.
   */
  static KernelGuard images(Tensor... images) {
    KernelGuard guard = new KernelGuard(images[0]);
    long channels = images[0].size(1);
    for (Tensor image : images) {
      guard.tensors(guard.type, false, image).aligned(image);
      guard.needs(
          image.is_contiguous(MemoryFormat.ChannelsLast),
          () -> "fused needs images whose channels are last");
    }
    return guard.width(channels, (long) guard.vector() * KernelConstants.BLOCK_THREADS);
  }

  /** Arguments of the activations' dtype, read 16 bytes at a time. */
  KernelGuard activations(Tensor... tensors) {
    return tensors(type, tensors).aligned(tensors);
  }

  /** Arguments of the activations' dtype, read 16 bytes at a time, with gaps between their rows. */
  KernelGuard views(Tensor... tensors) {
    return tensors(type, false, tensors).aligned(tensors);
  }

  /** Arguments of a dtype of their own. */
  KernelGuard tensors(ScalarType expected, Tensor... tensors) {
    return tensors(expected, true, tensors);
  }

  private KernelGuard tensors(ScalarType expected, boolean contiguous, Tensor... tensors) {
    for (Tensor t : tensors) {
      if (t.numel() == 0) {
        empty = true;
        continue;
      }
      if (reason != null) {
        continue;
      }
      if (t.scalar_type().intern() != expected) {
        reason = "fused needs " + name(expected) + ", got " + name(t.scalar_type().intern());
      } else if (contiguous && !t.is_contiguous()) {
        reason = "fused needs contiguous tensors";
      } else if (!t.is_cuda()) {
        offDevice = true;
      }
    }
    return this;
  }

  /** Where a kernel writes its rows: activations, or e4m3 with scales. */
  KernelGuard result(Rows out) {
    return out.quantized()
        ? tensors(ScalarType.Float8_e4m3fn, out.values())
            .aligned(out.values())
            .tensors(ScalarType.Float, out.scales())
        : activations(out.values());
  }

  /** Arguments that are read 16 bytes at a time. */
  KernelGuard aligned(Tensor... tensors) {
    for (Tensor t : tensors) {
      if (reason == null && t.numel() > 0 && t.data_ptr().address() % ALIGNMENT != 0) {
        reason = "fused needs tensors aligned to " + ALIGNMENT + " bytes";
      }
    }
    return this;
  }

  /**
   * A further requirement.
   *
   * @param otherwise what the kernel needs and what it got
   */
  KernelGuard needs(boolean met, Supplier<String> otherwise) {
    if (reason == null && !empty && !met) {
      reason = otherwise.get();
    }
    return this;
  }

  /** {@code width} is a multiple of 8, at most {@code most}. */
  KernelGuard width(long width, long most) {
    return needs(
        width % 8 == 0 && width <= most,
        () -> "fused needs a width that is a multiple of 8 up to " + most + ", got " + width);
  }

  /** The head width is one that the attention kernels are compiled for. */
  KernelGuard headDim(long headDim) {
    return needs(
        headDim == 16 || headDim == 32 || headDim == 64 || headDim == 128,
        () -> "fused needs heads of 16, 32, 64 or 128, got " + headDim);
  }

  /** Whether an argument has no elements. */
  boolean empty() {
    return empty;
  }

  /** Why the CUDA kernel cannot run; null if it can. */
  String reason() {
    String other = reasonOnAnyDevice();
    return other == null && offDevice ? "the tensors are not on a GPU" : other;
  }

  /** As {@link #reason}, wherever the tensors are. */
  String reasonOnAnyDevice() {
    return reason;
  }

  /** The activations' dtype. */
  ScalarType type() {
    return type;
  }

  /** Elements of a 16-byte vector of activations. */
  int vector() {
    return type == ScalarType.Float ? 4 : 8;
  }

  /** The activations' dtype in the names of kernels. */
  String suffix() {
    return type == ScalarType.Float ? "f32" : "bf16";
  }

  /** As {@link #suffix()}, for a kernel that writes {@code out}. */
  String suffix(Rows out) {
    return suffix() + (out.quantized() ? "_e4m3" : "");
  }

  String summary() {
    return name(type) + " on a GPU";
  }

  /** A dtype as users know it, such as {@code bf16}. */
  static String name(ScalarType type) {
    return switch (type) {
      case BFloat16 -> "bf16";
      case Float -> "float32";
      case Half -> "float16";
      case Double -> "float64";
      default -> type.toString().toLowerCase(Locale.ROOT);
    };
  }
}
