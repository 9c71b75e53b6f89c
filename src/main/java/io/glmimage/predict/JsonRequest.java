package io.glmimage.predict;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.UsageException;
import io.glmimage.image.ColourRules;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.Mask;
import io.glmimage.image.RgbImage;
import io.glmimage.json.Json;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.RowIds;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A request as a JSON object that contains its source images; see {@link
 * GlmImageTranslatorFactory}.
 */
final class JsonRequest {
  private static final Set<String> FIELDS =
      new TreeSet<>(
          Set.of(
              "id",
              "prompt",
              "image",
              "mask",
              "colour",
              "transparency",
              "height",
              "width",
              "num_inference_steps",
              "guidance_scale",
              "seed",
              "step_cache",
              "solver",
              "exact_size",
              "large_sources"));

  private final JsonNode node;
  private final String id;

  private JsonRequest(JsonNode node, String id) {
    this.node = node;
    this.id = id;
  }

  /**
   * @param json may be null
   * @param name names a request that has no id
   * @throws InvalidRequestException if the JSON is not a valid request, or a source image cannot be
   *     read
   */
  static EditRequest parse(byte[] json, String name) {
    if (json == null) {
      throw RequestTranslator.noContent(name);
    }
    JsonNode node;
    try {
      node = Json.STRICT.readTree(json);
    } catch (JsonProcessingException e) {
      throw new InvalidRequestException(
          "Cannot read request " + name + ": it is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InvalidRequestException("Cannot read request " + name + ": " + e.getMessage(), e);
    }
    if (!node.isObject()) {
      throw new InvalidRequestException(
          "Cannot read request " + name + ": expected a JSON object with a prompt");
    }
    JsonNode id = node.get("id");
    return new JsonRequest(node, id == null || id.isNull() ? name : id.asText()).request();
  }

  private EditRequest request() {
    for (Iterator<String> names = node.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      if (!FIELDS.contains(name)) {
        throw invalid("unknown field " + name + "; there are " + String.join(", ", FIELDS));
      }
    }
    JsonNode prompt = field("prompt");
    if (prompt == null || !prompt.isTextual()) {
      throw invalid("prompt must be a string");
    }
    List<RgbImage> sources = sources(field("image"), colours());
    Long height = integer("height", 1, Integer.MAX_VALUE);
    Long width = integer("width", 1, Integer.MAX_VALUE);
    Long steps = integer("num_inference_steps", 1, Integer.MAX_VALUE);
    Long seed = integer("seed", Long.MIN_VALUE, Long.MAX_VALUE);
    JsonNode guidance = field("guidance_scale");
    if (guidance != null && !guidance.isNumber()) {
      throw invalid("guidance_scale must be a number");
    }
    JsonNode stepCache = field("step_cache");
    if (stepCache != null && !stepCache.isNumber()) {
      throw invalid("step_cache must be a number");
    }
    return new EditRequest(
        id,
        prompt.textValue(),
        sources,
        height == null ? null : Math.toIntExact(height),
        width == null ? null : Math.toIntExact(width),
        steps == null ? EditRequest.DEFAULT_STEPS : Math.toIntExact(steps),
        guidance == null ? EditRequest.DEFAULT_GUIDANCE_SCALE : guidance.doubleValue(),
        seed == null ? derivedSeed(prompt.textValue(), sources) : seed,
        stepCache == null ? EditRequest.DEFAULT_STEP_CACHE : stepCache.doubleValue(),
        solver(),
        sizing(),
        mask(sources));
  }

  private Solver solver() {
    JsonNode solver = field("solver");
    return solver == null
        ? EditRequest.DEFAULT_SOLVER
        : Solver.of(solver.asText())
            .orElseThrow(
                () -> invalid("solver must be one of " + String.join(", ", Solver.labels())));
  }

  private ColourRules colours() {
    try {
      return ColourRules.of(
          text("colour", ColourRules.CONVERT), text("transparency", ColourRules.DROP));
    } catch (UsageException e) {
      // The option of the job has the name of the field.
      throw invalid(e.getMessage().replaceFirst("^Invalid --", "invalid "));
    }
  }

  private String text(String name, String standard) {
    JsonNode value = field(name);
    if (value != null && !value.isTextual()) {
      throw invalid(name + " must be a string");
    }
    return value == null ? standard : value.textValue();
  }

  /** The mask; null without one. */
  private Mask mask(List<RgbImage> sources) {
    JsonNode mask = field("mask");
    if (mask == null) {
      return null;
    }
    byte[] file = file(mask, "mask");
    if (sources.isEmpty()) {
      throw invalid("mask is given, but there is no image");
    }
    try {
      return Mask.of(file, "of request " + id, false, sources.get(0));
    } catch (InvalidRequestException e) {
      throw new InvalidRequestException("Cannot edit request " + id + ": " + e.getMessage(), e);
    }
  }

  private Sizing sizing() {
    JsonNode exact = field("exact_size");
    if (exact != null && !exact.isBoolean()) {
      throw invalid("exact_size must be true or false");
    }
    JsonNode large = field("large_sources");
    LargeSources largeSources =
        large == null
            ? Sizing.DEFAULT.largeSources()
            : LargeSources.of(large.asText())
                .orElseThrow(
                    () ->
                        invalid(
                            "large_sources must be one of "
                                + String.join(", ", LargeSources.labels())));
    return new Sizing(
        exact == null ? Sizing.DEFAULT.exact() : exact.booleanValue(),
        largeSources,
        Sizing.DEFAULT_MAX_PIXELS);
  }

  /** The seed that the job would use for such a row with default options. */
  private long derivedSeed(String prompt, List<RgbImage> sources) {
    String ownId = field("id") == null ? null : RowIds.explicit(field("id").asText());
    if (ownId != null) {
      return RowIds.seed(0, ownId);
    }
    if (!sources.isEmpty()) {
      // A row of a manifest would have paths here, which are part of its id.
      return ContentSeed.of(0, prompt, sources);
    }
    Map<ManifestField, Object> fields = new EnumMap<>(ManifestField.class);
    fields.put(ManifestField.PROMPT, prompt);
    for (ManifestField field :
        List.of(ManifestField.HEIGHT, ManifestField.WIDTH, ManifestField.NUM_INFERENCE_STEPS)) {
      fields.put(field, integer(field.column(), 1, Integer.MAX_VALUE));
    }
    JsonNode guidance = field(ManifestField.GUIDANCE_SCALE.column());
    fields.put(ManifestField.GUIDANCE_SCALE, guidance == null ? null : guidance.doubleValue());
    return RowIds.seed(0, RowIds.ofFields(fields));
  }

  /** The field, or null if the field is missing or null. */
  private JsonNode field(String name) {
    JsonNode value = node.get(name);
    return value == null || value.isNull() ? null : value;
  }

  private Long integer(String name, long min, long max) {
    JsonNode value = field(name);
    if (value == null) {
      return null;
    }
    if (!value.isIntegralNumber()
        || !value.canConvertToLong()
        || value.longValue() < min
        || value.longValue() > max) {
      throw invalid(name + " must be a whole number from " + min + " to " + max);
    }
    return value.longValue();
  }

  private List<RgbImage> sources(JsonNode image, ColourRules colours) {
    List<RgbImage> sources = new ArrayList<>();
    if (image == null) {
      return sources;
    }
    if (image.isArray()) {
      for (JsonNode one : image) {
        sources.add(source(one, "image " + (sources.size() + 1), colours));
      }
    } else {
      sources.add(source(image, "image", colours));
    }
    return sources;
  }

  private RgbImage source(JsonNode image, String name, ColourRules colours) {
    return ImageDecoder.read(file(image, name), name + " of request " + id, colours).image();
  }

  /** The bytes of an image file. */
  private byte[] file(JsonNode image, String name) {
    if (!image.isTextual()) {
      throw invalid(name + " must be a string: a data URL or base64");
    }
    String text = image.textValue();
    if (!DataUrl.is(text) && text.contains("://")) {
      throw invalid(name + " is an address; images are sent inside the request, as base64");
    }
    try {
      return DataUrl.is(text) ? DataUrl.bytes(text) : DataUrl.base64(text);
    } catch (IllegalArgumentException e) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + id
              + ": "
              + name
              + (DataUrl.is(text) ? " cannot be decoded: " : " is not base64: ")
              + e.getMessage(),
          e);
    }
  }

  private InvalidRequestException invalid(String why) {
    return new InvalidRequestException("Cannot edit request " + id + ": " + why);
  }
}
