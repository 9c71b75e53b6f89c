package io.glmimage.kernel;

/**
 * One implementation of every operation of this package. Operations are stateless and may be shared
 * by threads.
 */
public interface KernelProvider {
  // ---- diffusion transformer ----

  AdaLayerNorm adaLayerNorm();

  GatedResidualAdaLayerNorm gatedResidualAdaLayerNorm();

  QkNormRotary qkNormRotary();

  LinearGelu linearGelu();

  GuidedEulerStep guidedEulerStep();
}
