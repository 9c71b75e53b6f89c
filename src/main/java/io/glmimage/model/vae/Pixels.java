package io.glmimage.model.vae;

import io.glmimage.image.RgbImage;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * 8-bit images to tensors and back. Images cross between host and device as 8-bit values; the
 * arithmetic runs on the device in float32. B images of H x W pixels.
 *
 * <p>Ported from diffusers src/diffusers/image_processor.py, VaeImageProcessor.preprocess and
 * postprocess (commit 58eb52c). Deviations: none.
 */
public final class Pixels {
  private static final int CHANNELS = VaeConfig.IMAGE_CHANNELS;

  private Pixels() {}

  /**
   * The VAE's input: {@code 2 x / 255 - 1}, {@code [B, 3, H, W]} float32 on the device.
   *
   * @param images at least one, all of the same size
   * @throws IllegalArgumentException if the list is empty or the sizes differ
   */
  public static Tensor toTensor(List<RgbImage> images, Compute compute) {
    if (images.isEmpty()) {
      throw new IllegalArgumentException("Cannot make a tensor: there are no images");
    }
    int height = images.get(0).height();
    int width = images.get(0).width();
    try (TensorScope scope = new TensorScope()) {
      List<Tensor> bytes = new ArrayList<>();
      for (RgbImage image : images) {
        if (image.height() != height || image.width() != width) {
          throw new IllegalArgumentException(
              String.format(
                  Locale.ROOT,
                  "Cannot make one tensor of images of %d x %d and %d x %d pixels",
                  width,
                  height,
                  image.width(),
                  image.height()));
        }
        bytes.add(Ops.of(image.pixels(), height, width, CHANNELS));
      }
      Tensor device = Ops.to(Ops.stack(0, bytes), compute, ScalarType.Byte);
      // [B, H, W, 3] -> [B, 3, H, W]
      Tensor planes = device.permute(0, 3, 1, 2).to(ScalarType.Float).contiguous();
      planes.div_(new Scalar(255.0)).mul_(new Scalar(2.0)).sub_(new Scalar(1.0));
      return scope.keep(planes);
    }
  }

  /** From [-1, 1] to [0, 1], clamped, float32. */
  static Tensor denormalize(Tensor x) {
    try (TensorScope scope = new TensorScope()) {
      Tensor y = x.to(ScalarType.Float).mul(new Scalar(0.5));
      y.add_(new Scalar(0.5));
      y.clamp_(new ScalarOptional(new Scalar(0.0)), new ScalarOptional(new Scalar(1.0)));
      return scope.keep(y);
    }
  }

  /**
   * A result of {@link Vae#decode} as 8-bit images: 255 x, rounded half to even.
   *
   * @param images {@code [B, 3, H, W]} in [0, 1]; values outside are clamped
   */
  public static List<RgbImage> toImages(Tensor images) {
    int height = (int) images.size(2);
    int width = (int) images.size(3);
    byte[] bytes;
    try (TensorScope scope = new TensorScope()) {
      Tensor levels = images.to(ScalarType.Float).mul(new Scalar(255.0));
      levels.round_();
      levels.clamp_(new ScalarOptional(new Scalar(0.0)), new ScalarOptional(new Scalar(255.0)));
      // [B, 3, H, W] -> [B, H, W, 3]
      bytes = Ops.toBytes(levels.to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous());
    }
    int size = height * width * CHANNELS;
    List<RgbImage> out = new ArrayList<>();
    for (int from = 0; from < bytes.length; from += size) {
      out.add(new RgbImage(height, width, Arrays.copyOfRange(bytes, from, from + size)));
    }
    return out;
  }
}
