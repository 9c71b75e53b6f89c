package io.glmimage.predict;

import ai.djl.Model;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.quality.JudgedImage;
import io.glmimage.quality.QualityFigures;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.io.Serializable;
import java.lang.reflect.Type;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The input and output types of a predictor. DJL finds this class automatically for a local
 * checkpoint folder.
 *
 * <table>
 * <caption>Types for {@code Criteria.setTypes}</caption>
 * <tr><th>types</th><th>a failed request</th></tr>
 * <tr><td>{@link EditRequest} to {@link EditResult}</td><td>gives a result with its error; the
 *     others continue</td></tr>
 * <tr><td>{@code byte[]} to {@code byte[]}: JSON (see below) to PNG</td><td>ends the call with a
 *     {@link TranslateException}; with the argument {@code failures=empty} it gives no bytes
 *     instead, and the others continue</td></tr>
 * <tr><td>{@link Input} to {@link Output}: the same for DJL Serving</td><td>gives an output with
 *     code 400 (invalid request) or 500 and the message; the others continue</td></tr>
 * </table>
 *
 * <p>A broken device or a closed model ends the call for all types.
 *
 * <p>The JSON object has the fields {@code prompt} (required), {@code image} (a data URL or base64,
 * or an array of them; absent for text-to-image), {@code height}, {@code width}, {@code
 * num_inference_steps}, {@code guidance_scale}, {@code seed}, {@code step_cache}, {@code
 * exact_size} (true or false), {@code large_sources} ({@code fit}, {@code fail} or {@code
 * upscale}), {@code mask} (a data URL or base64: what is white or opaque may change, the rest stays
 * as it is in the first image), {@code colour} ({@code convert} or {@code ignore}), {@code
 * transparency} ({@code drop} or a background colour) and {@code id} (names the request in
 * messages). Other fields are refused.
 *
 * <p>The PNG has a text chunk {@code Figures}, a JSON object with {@code quality} ({@code OK},
 * {@code UNCHANGED}, {@code DESTROYED} or {@code FLAT} by the default limits), {@code
 * changed_fraction}, {@code ssim}, {@code psnr}, {@code flatness}, {@code scale} and {@code seed},
 * as in the job's result table. For {@link Output} these are properties, too. For {@link
 * EditResult}, {@link JudgedImage} makes the figures.
 *
 * <p>A request without {@code seed} gets the seed that the job gives to the same row with its
 * default {@code --seed}. The seed is derived from the {@code id}, or for text-to-image from the
 * other fields. With source images and without an id, the seed is derived from the prompt and the
 * pixels (see {@link ContentSeed}). The job uses paths instead, so its seed differs.
 *
 * <p>The argument can be set in the criteria ({@code optArgument}) or in a model URL: {@code
 * file:/models/GLM-Image?failures=empty}.
 */
public final class GlmImageTranslatorFactory implements TranslatorFactory, Serializable {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(GlmImageTranslatorFactory.class);

  static final String FAILURES = "failures";

  /** The keyword of the PNG text that has the quality figures. */
  static final String FIGURES = "Figures";

  private static final Set<Pair<Type, Type>> TYPES =
      Set.of(
          new Pair<>(EditRequest.class, EditResult.class),
          new Pair<>(byte[].class, byte[].class),
          new Pair<>(Input.class, Output.class));

  @Override
  public Set<Pair<Type, Type>> getSupportedTypes() {
    return TYPES;
  }

  @Override
  @SuppressWarnings("unchecked")
  public <I, O> Translator<I, O> newInstance(
      Class<I> input, Class<O> output, Model model, Map<String, ?> arguments)
      throws TranslateException {
    if (input == EditRequest.class && output == EditResult.class) {
      return (Translator<I, O>) new Typed();
    }
    if (input == byte[].class && output == byte[].class) {
      try {
        return (Translator<I, O>) jsonTranslator(arguments);
      } catch (IllegalArgumentException e) {
        // DJL loads the model before it asks for a translator, so no other code could close the
        // model.
        model.close();
        throw e;
      }
    }
    if (input == Input.class && output == Output.class) {
      return (Translator<I, O>) new Serving();
    }
    throw new TranslateException(
        "Cannot translate "
            + input.getName()
            + " to "
            + output.getName()
            + ": "
            + GlmImageDjlEngine.NAME
            + " has EditRequest to EditResult, byte[] to byte[] and Input to Output");
  }

  /**
   * @throws IllegalArgumentException if the argument {@value #FAILURES} has another value
   */
  static Translator<byte[], byte[]> jsonTranslator(Map<String, ?> arguments) {
    Object failures = arguments == null ? null : arguments.get(FAILURES);
    if (failures == null || failures.equals("throw")) {
      return new Json(false);
    }
    if (failures.equals("empty")) {
      return new Json(true);
    }
    throw new IllegalArgumentException(
        "Invalid argument " + FAILURES + ": " + failures + ", expected throw or empty");
  }

  private static String message(RuntimeException error) {
    return error.getMessage() == null ? error.toString() : error.getMessage();
  }

  private static final class Typed extends RequestTranslator<EditRequest, EditResult> {
    @Override
    EditRequest request(EditRequest input, String id) {
      if (input == null) {
        throw noContent(id);
      }
      return input;
    }

    @Override
    EditResult output(EditRequest request, EditResult result) {
      return result;
    }
  }

  private static final class Json extends RequestTranslator<byte[], byte[]> {
    private final boolean emptyFailures;

    Json(boolean emptyFailures) {
      this.emptyFailures = emptyFailures;
    }

    @Override
    EditRequest request(byte[] input, String id) throws TranslateException {
      try {
        return JsonRequest.parse(input, id);
      } catch (InvalidRequestException e) {
        if (emptyFailures) {
          throw e;
        }
        // The call fails in any case. Fail before the model makes the other images.
        throw new TranslateException(e.getMessage(), e);
      }
    }

    @Override
    byte[] output(EditRequest request, EditResult result) throws TranslateException {
      if (result.ok()) {
        return png(result.image(), figures(request, result));
      }
      if (emptyFailures) {
        LOG.warn("Request {} gives no image: {}", result.id(), message(result.error()));
        return new byte[0];
      }
      throw new TranslateException(message(result.error()), result.error());
    }
  }

  private static final class Serving extends RequestTranslator<Input, Output> {
    @Override
    EditRequest request(Input input, String id) {
      if (input == null || input.getData() == null) {
        throw noContent(id);
      }
      return JsonRequest.parse(input.getData().getAsBytes(), id);
    }

    @Override
    Output output(EditRequest request, EditResult result) {
      if (!result.ok()) {
        return new Output(
            result.error() instanceof InvalidRequestException ? 400 : 500, message(result.error()));
      }
      Output output = new Output();
      output.addProperty("Content-Type", "image/png");
      Map<String, Object> figures = figures(request, result);
      figures.forEach((name, value) -> output.addProperty(name, value.toString()));
      output.add(png(result.image(), figures));
      return output;
    }
  }

  /** The quality figures and what belongs to them, without those that are null. */
  private static Map<String, Object> figures(EditRequest request, EditResult result) {
    RgbImage source = request.sources().isEmpty() ? null : request.sources().get(0);
    QualityFigures figures = JudgedImage.of(source, result.image(), false).figures();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("quality", QualityOptions.DEFAULT.limits().flag(figures).name());
    fields.put("changed_fraction", figures.changedFraction());
    fields.put("ssim", figures.ssim());
    fields.put("psnr", figures.psnr());
    fields.put("flatness", figures.flatness());
    fields.put("scale", result.scale());
    fields.put("seed", request.seed());
    fields.values().removeIf(Objects::isNull);
    return fields;
  }

  private static byte[] png(RgbImage image, Map<String, Object> figures) {
    try {
      return ImageEncoder.png(
          image, Map.of(FIGURES, io.glmimage.json.Json.MAPPER.writeValueAsString(figures)));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write plain values as JSON", e);
    }
  }
}
