package io.glmimage.kernel;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Looks at the arguments of one call and says whether a fused kernel can take them: the first
 * obstacle found is the reason. Whether they lie on a GPU is asked last, so that everything else
 * can be tested without one.
 */
final class KernelGuard {
  /** What 16-byte vectors need of every row and every first element. */
  static final int ALIGNMENT = 16;

  private static final ScalarType[] FLOATING = {ScalarType.BFloat16, ScalarType.Float};

  private final ScalarType type;
  private boolean empty;
  private String reason;
  private Tensor offDevice;

  /** The activations' dtype is that of {@code leading}: bfloat16 or float32. */
  KernelGuard(Tensor leading) {
    this(leading, FLOATING);
  }

  /** The activations' dtype is that of {@code leading}, one of {@code supported}. */
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
        offDevice = t;
      }
    }
    return this;
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

  /** A further condition; {@code otherwise} says what the kernel needs and what it got. */
  KernelGuard needs(boolean met, Supplier<String> otherwise) {
    if (reason == null && !empty && !met) {
      reason = otherwise.get();
    }
    return this;
  }

  /** {@code width} is a multiple of 8, no larger than {@code most}. */
  KernelGuard width(long width, long most) {
    return needs(
        width % 8 == 0 && width <= most,
        () -> "fused needs a width that is a multiple of 8 up to " + most + ", got " + width);
  }

  /** Whether an argument has no elements. */
  boolean empty() {
    return empty;
  }

  /** Why the fused kernel cannot run; null when it can. */
  String reason() {
    if (reason == null && offDevice != null) {
      return "the tensors are not on a GPU";
    }
    return reason;
  }

  ScalarType type() {
    return type;
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
