package io.glmimage.kernel;

import java.util.Locale;

/** The operations between whose implementations a run chooses, as logs and reports name them. */
enum KernelOperation {
  RMS_NORM,
  RMS_NORM_RESIDUAL,
  ROTARY_CACHE_WRITE,
  DECODE_ATTENTION,
  SILU_MUL,
  TOKEN_SAMPLING,
  ADA_LAYER_NORM,
  GATED_RESIDUAL_ADA_LAYER_NORM,
  QK_NORM_ROTARY,
  SEQUENCE_ATTENTION,
  LINEAR_GELU,
  GUIDED_EULER_STEP,
  GROUP_NORM,
  GROUP_NORM_SILU,
  BIAS_RESIDUAL,
  UPSAMPLE_NEAREST,
  QUANTIZE_ROWS,
  GELU_QUANTIZE_ROWS,
  SILU_MUL_QUANTIZE_ROWS,
  FP8_LINEAR,
  FP8_ATTENTION;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
