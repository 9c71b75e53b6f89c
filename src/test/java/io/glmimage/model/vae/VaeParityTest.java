package io.glmimage.model.vae;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.NormTolerance;
import io.glmimage.golden.Tolerance;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.io.ByteArrayOutputStream;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class VaeParityTest {
  /** Relative error of latents and pixels in bfloat16. */
  private static final double BFLOAT16 = 0.02;

  static List<GoldenCase> vaeCases() {
    return Goldens.cases("09_vae");
  }

  static List<GoldenCase> imageCases() {
    return Goldens.cases("09_image_processor");
  }

  static List<GoldenCase> pipelineCases() {
    return Goldens.cases("10_e2e");
  }

  @ParameterizedTest
  @MethodSource("vaeCases")
  void matchesReference(GoldenCase golden) {
    Tolerance tolerance = golden.tolerance();
    int seen = 0;
    try (TensorScope scope = new TensorScope();
        Vae vae = Vae.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels())) {
      for (String sub : golden.subCases()) {
        seen += encoded(golden, sub, vae, tolerance) + decoded(golden, sub, vae, tolerance);
      }
    }
    Goldens.require(seen > 0, "tensors to compare in " + golden);
  }

  private static int encoded(GoldenCase golden, String sub, Vae vae, Tolerance tolerance) {
    if (!golden.has(sub + "/in")) {
      return 0;
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor in = golden.tensor(sub + "/in");
      Tensor moments = vae.moments(in, (name, t) -> checkIfThere(golden, sub, name, t, tolerance));
      int channels = vae.latentChannels();
      checkIfThere(golden, sub, "mean", moments.narrow(1, 0, channels), tolerance);
      Tensor logvar =
          moments
              .narrow(1, channels, channels)
              .clamp(new ScalarOptional(new Scalar(-30.0)), new ScalarOptional(new Scalar(20.0)));
      checkIfThere(golden, sub, "logvar", logvar, tolerance);
      checkIfThere(golden, sub, "latents", vae.mode(in, Observer.NONE), tolerance);
      checkIfThere(golden, sub, "normalized", vae.encode(in), tolerance);
      return 1;
    }
  }

  private static int decoded(GoldenCase golden, String sub, Vae vae, Tolerance tolerance) {
    String source = golden.has(sub + "/latents_in") ? "/latents_in" : "/latents";
    if (!golden.has(sub + source) || !golden.has(sub + "/decoded")) {
      return 0;
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor decoded =
          vae.decodeRaw(
              golden.tensor(sub + source),
              (name, t) -> checkIfThere(golden, sub, name, t, tolerance));
      tolerance.check(golden, sub + "/decoded", decoded);
      return 1;
    }
  }

  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("vaeCases")
  void bfloat16StaysWithinItsRounding(GoldenCase golden) {
    NormTolerance tolerance = new NormTolerance("bfloat16", BFLOAT16);
    int seen = 0;
    try (Vae vae =
        Vae.load(golden.checkpoint(), Goldens.bfloat16(), Goldens.kernels(Goldens.bfloat16()))) {
      for (String sub : golden.subCases()) {
        try (TensorScope scope = new TensorScope()) {
          if (golden.has(sub + "/in") && golden.has(sub + "/normalized")) {
            Tensor in = Ops.to(golden.tensor(sub + "/in"), Goldens.bfloat16());
            tolerance.check(golden, sub + "/normalized", vae.encode(in));
            seen++;
          }
          if (golden.has(sub + "/latents_in") && golden.has(sub + "/decoded")) {
            Tensor decoded = vae.decodeRaw(golden.tensor(sub + "/latents_in"), Observer.NONE);
            tolerance.check(golden, sub + "/decoded", decoded);
            seen++;
          }
        }
      }
    }
    Goldens.require(seen > 0, "tensors to compare in " + golden);
  }

  private static void checkIfThere(
      GoldenCase golden, String sub, String name, Tensor actual, Tolerance tolerance) {
    if (golden.has(sub + "/" + name)) {
      tolerance.check(golden, sub + "/" + name, actual);
    }
  }

  /** The observer must see every feature that the fixture has, under its name. */
  @ParameterizedTest
  @MethodSource("vaeCases")
  void showsEveryStoredFeature(GoldenCase golden) {
    Set<String> missing = new HashSet<>();
    for (String name : golden.tensorNames()) {
      String feature = name.substring(name.indexOf('/') + 1);
      if (feature.startsWith("encoder.") || feature.startsWith("decoder.")) {
        missing.add(feature);
      }
    }
    Goldens.require(!missing.isEmpty(), "features in " + golden);
    try (TensorScope scope = new TensorScope();
        Vae vae = Vae.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels())) {
      Tensor in = golden.tensor("features/in");
      vae.moments(in, (name, t) -> missing.remove(name));
      vae.decodeRaw(golden.tensor("features/latents"), (name, t) -> missing.remove(name));
    }
    assertTrue(missing.isEmpty(), missing::toString);
  }

  @ParameterizedTest
  @MethodSource("pipelineCases")
  void decodesTheLastLatentsOfThePipeline(GoldenCase golden) {
    int seen = 0;
    try (TensorScope scope = new TensorScope();
        Vae vae = Vae.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels())) {
      for (String name : golden.tensorNames()) {
        // "step_latents", or "CASE/step_latents" if a file has several calls
        if (name.endsWith("step_latents")) {
          checkDecoded(golden, name.replace("step_latents", ""), vae);
          seen++;
        }
      }
    }
    Goldens.require(seen > 0, "step_latents in " + golden);
  }

  private static void checkDecoded(GoldenCase golden, String prefix, Vae vae) {
    Tensor steps = golden.tensor(prefix + "step_latents");
    // [steps, B, C, h, w] -> [B, C, h, w]
    Tensor image = vae.decode(steps.select(0, steps.size(0) - 1));
    if (golden.has(prefix + "image")) {
      // [B, 3, H, W] -> [B, H, W, 3]
      new Tolerance(golden.json().at("/tolerance/image/atol").asDouble(), 0)
          .check(golden, prefix + "image", image.permute(0, 2, 3, 1));
    }
    Tolerance.pixels(
        golden.name(),
        prefix + "image_uint8",
        golden.bytes(prefix + "image_uint8"),
        bytes(Pixels.toImages(image)));
  }

  @ParameterizedTest
  @MethodSource("imageCases")
  void preprocessesAndPostprocesses(GoldenCase golden) {
    int inputs = 0;
    int outputs = 0;
    Tolerance tolerance = new Tolerance(1e-6, 1e-6);
    for (String sub : golden.subCases()) {
      try (TensorScope scope = new TensorScope()) {
        if (golden.has(sub + "/resized") && golden.has(sub + "/tensor")) {
          long[] size = golden.shape(sub + "/resized");
          RgbImage image =
              new RgbImage((int) size[0], (int) size[1], golden.bytes(sub + "/resized"));
          Tensor tensor = Pixels.toTensor(List.of(image), Goldens.compute());
          tolerance.check(golden, sub + "/tensor", tensor);
          inputs++;
        }
        if (golden.has(sub + "/np")) {
          Tensor image = Pixels.denormalize(golden.tensor(sub + "/in"));
          tolerance.check(golden, sub + "/np", image.permute(0, 2, 3, 1));
          Tolerance.exact(
              golden.name(),
              sub + "/uint8",
              golden.longs(sub + "/uint8"),
              unsigned(bytes(Pixels.toImages(image))));
          outputs++;
        }
      }
    }
    Goldens.require(inputs > 0 && outputs > 0, "tensors to compare in " + golden);
  }

  private static byte[] bytes(List<RgbImage> images) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    images.forEach(image -> all.writeBytes(image.pixels()));
    return all.toByteArray();
  }

  private static long[] unsigned(byte[] bytes) {
    long[] out = new long[bytes.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = bytes[i] & 255;
    }
    return out;
  }
}
