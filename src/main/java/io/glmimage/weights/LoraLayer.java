package io.glmimage.weights;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One layer of a LoRA adapter: the product of two small matrices, which is added to a weight. R is
 * the rank, O the outputs, I the inputs of the layer.
 *
 * @param place the adapter's folder, for messages
 * @param component the layer's network; empty if the file does not say
 * @param module the layer's name in the network, without {@code .weight}
 * @param down name of {@code [R, I]} or {@code [R, I, H, W]}; of an embedding {@code [R, I]}
 * @param up name of {@code [O, R]} or {@code [O, R, 1, 1]}
 * @param alpha name of a tensor with the layer's alpha; null if there is none
 * @param embedding whether the layer is a table {@code [I, O]}
 */
record LoraLayer(
    String place,
    String component,
    String module,
    SafetensorsFile file,
    String down,
    String up,
    String alpha,
    boolean embedding,
    LoraConfig config) {

  long rank() {
    long[] shape = file.shape(down);
    return shape.length == 0 ? 0 : shape[0];
  }

  /** The first tensor of this layer that does not fit the weight, and why. */
  Optional<String> problem(String weight, long[] target) {
    long[] a = file.shape(down);
    long[] b = file.shape(up);
    if (!torch.isFloatingType(file.dtype(down)) || !torch.isFloatingType(file.dtype(up))) {
      return Optional.of("tensor " + down + " holds whole numbers");
    }
    if (a.length < 2 || b.length < 2 || a[0] != b[1] || a[0] == 0) {
      return Optional.of(shapes(a, b) + ", which have no common rank");
    }
    if (config.rank(module).isPresent() && config.rank(module).getAsInt() != a[0]) {
      return Optional.of(
          "tensor "
              + down
              + " has rank "
              + a[0]
              + ", the configuration says "
              + config.rank(module).getAsInt());
    }
    if (!Arrays.equals(shape(a, b), target)) {
      return Optional.of(
          shapes(a, b) + ", which do not fit the model's " + weight + " of shape " + text(target));
    }
    return Optional.empty();
  }

  private String shapes(long[] a, long[] b) {
    return "tensors " + down + " and " + up + " have shapes " + text(a) + " and " + text(b);
  }

  /** The shape of the weight that this layer changes. */
  private long[] shape(long[] a, long[] b) {
    if (Arrays.stream(b).skip(2).anyMatch(side -> side != 1)) {
      return new long[0];
    }
    if (embedding) {
      return a.length == 2 && b.length == 2 ? new long[] {a[1], b[0]} : new long[0];
    }
    long[] whole = a.clone();
    whole[0] = b[0];
    return whole;
  }

  private static String text(long[] shape) {
    return Arrays.toString(shape);
  }

  /**
   * Adds the layer's change to a weight, in float32.
   *
   * @param weight in float32, on the device of {@code compute}
   * @param scale the adapter's
   * @return of the caller's scope
   * @throws io.glmimage.error.CheckpointException if a value is not finite
   */
  Tensor addTo(Tensor weight, Compute compute, double scale) {
    try (TensorScope scope = new TensorScope()) {
      // [R, I...] -> [R, I * ...] and [O, R, 1, 1] -> [O, R]
      Tensor a = matrix(down, compute);
      Tensor b = matrix(up, compute);
      Tensor product = torch.matmul(b, a);
      if (embedding) {
        product = product.t();
      }
      double factor = scale * config.factor(alphaValue(), rank());
      Tensor change = product.reshape(Ops.shape(weight));
      return scope.keep(weight.add(change, new Scalar(factor)));
    }
  }

  private Tensor matrix(String name, Compute compute) {
    Tensor matrix = Ops.to(file.tensor(name), compute, ScalarType.Float).flatten(1, -1);
    if (!matrix.isfinite().all().item_bool()) {
      throw AdapterFiles.refused(place, "tensor " + name + " has values that are not finite");
    }
    return matrix;
  }

  private double alphaValue() {
    if (alpha == null) {
      return config.alpha(module).orElse((double) rank());
    }
    float[] values = Ops.toFloats(file.tensor(alpha));
    if (values.length != 1 || !Float.isFinite(values[0])) {
      throw AdapterFiles.refused(place, "tensor " + alpha + " is not one finite number");
    }
    return values[0];
  }
}
