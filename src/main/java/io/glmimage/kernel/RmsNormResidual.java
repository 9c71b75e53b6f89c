package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * RMS norm over rows: {@code rms(x, w) = x / sqrt(mean(x^2) + eps) * w}, with statistics in
 * float32. N rows, D width.
 */
public interface RmsNormResidual {

  /**
   * {@code rms(x, weight)}. Moves 2 N D elements and the weight.
   *
   * @param x [N, D], contiguous
   * @param weight [D], the dtype of {@code x}
   * @return [N, D], new
   */
  Tensor norm(Tensor x, Tensor weight, double eps);

  /**
   * The end of one block and the start of the next: {@code residual += rms(branch, branchWeight)},
   * then {@code rms(residual, nextWeight)}. Moves 4 N D elements (reads the branch and the
   * residual, writes the residual and the result) and the two weights. Separate operations move
   * about 9 N D.
   *
   * @param residual [N, D], contiguous; changed in place
   * @param branch [N, D], contiguous: the output of the attention or of the MLP
   * @param branchWeight [D]: norm of the branch
   * @param nextWeight [D]: norm before the next block
   * @return [N, D], new: the next block's input
   */
  Tensor addThenNorm(
      Tensor residual, Tensor branch, Tensor branchWeight, Tensor nextWeight, double eps);
}
