/**
 * A loaded model that turns requests into edited images. Java code uses {@link
 * io.glmimage.predict.EditEngine} directly, or the engine {@code GlmImage} through DJL, which finds
 * the engine by ServiceLoader. Tensors do not leave this package: requests and results are plain
 * values. The steps of an edit belong to {@code pipeline}.
 *
 * <p>Through DJL, with {@code checkpoint} the folder of a GLM-Image checkpoint:
 *
 * <pre>{@code
 * Criteria<EditRequest, EditResult> criteria =
 *     Criteria.builder()
 *         .setTypes(EditRequest.class, EditResult.class)
 *         .optEngine("GlmImage")
 *         .optModelPath(checkpoint)
 *         .build();
 * try (ZooModel<EditRequest, EditResult> model = criteria.loadModel();
 *     Predictor<EditRequest, EditResult> predictor = model.newPredictor()) {
 *   RgbImage source = ImageDecoder.decode(Files.readAllBytes(image), "circle.png");
 *   EditRequest request =
 *       new EditRequest(
 *           "r-1", "Change the color of the circle to green", List.of(source), 128, 128, 4, 1.5, 42);
 *   for (EditResult result : predictor.batchPredict(List.of(request))) {
 *     if (result.ok()) {
 *       Files.write(edited, ImageEncoder.png(result.image()));
 *     } else {
 *       System.err.println(result.error().getMessage());
 *     }
 *   }
 * }
 * }</pre>
 *
 * <p>A list passed to {@code batchPredict} is one batch for the model. The default device is the
 * first GPU, or the CPU if there is no GPU; {@code optDevice(Device.gpu(1))} and {@code
 * optDevice(Device.cpu())} choose another. {@link io.glmimage.predict.GlmImageTranslatorFactory}
 * lists the types of requests and results. Closing the model frees its memory.
 *
 * <p>The DJL Spark extension selects the engine by name: {@code new
 * BinaryPredictor().setEngine("GlmImage").setModelUrl("file:/models/GLM-Image?failures=empty")}
 * with JSON requests in its input column and PNG files in its output column.
 */
package io.glmimage.predict;
