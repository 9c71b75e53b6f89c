package io.glmimage.predict;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The example of the package's documentation, compiled and run. */
final class DjlExample {
  private DjlExample() {}

  static void edit(Path checkpoint, Path image, Path edited) throws Exception {
    // Example starts
    Criteria<EditRequest, EditResult> criteria =
        Criteria.builder()
            .setTypes(EditRequest.class, EditResult.class)
            .optEngine("GlmImage")
            .optModelPath(checkpoint)
            .build();
    try (ZooModel<EditRequest, EditResult> model = criteria.loadModel();
        Predictor<EditRequest, EditResult> predictor = model.newPredictor()) {
      RgbImage source = ImageDecoder.decode(Files.readAllBytes(image), "circle.png");
      EditRequest request =
          new EditRequest(
              "r-1",
              "Change the color of the circle to green",
              List.of(source),
              128,
              128,
              4,
              1.5,
              42);
      for (EditResult result : predictor.batchPredict(List.of(request))) {
        if (result.ok()) {
          Files.write(edited, ImageEncoder.png(result.image()));
        } else {
          System.err.println(result.error().getMessage());
        }
      }
    }
    // Example ends
  }
}
