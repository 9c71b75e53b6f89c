package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.JpegEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.image.WebpEncoder;
import io.glmimage.io.Redaction;
import io.glmimage.manifest.ManifestRow;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Makes the file of a picture, with where it comes from inside: {@code Description} is the prompt,
 * {@code Software} this program with its version, {@code Parameters} a JSON object with id, model,
 * seed, num_inference_steps, guidance_scale and, where there is one, step_cache. In PNG these are
 * text chunks, in JPEG and WebP an XMP packet. No times: the same row gives the same bytes.
 *
 * @param format how the picture is encoded
 * @param quality of JPEG and WebP, 1 to 100
 * @param program name and version
 */
public record EditedImageEncoder(EditedImageFormat format, int quality, String program)
    implements Serializable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What decides the file besides the row and the model; empty for PNG. */
  public String fingerprint() {
    return format == EditedImageFormat.PNG ? "" : " " + format + " " + quality;
  }

  /** The picture's file. */
  public byte[] encode(RgbImage image, ManifestRow row, String model, Redaction redaction) {
    return encode(image, texts(row, model, redaction));
  }

  /** The file of an edited image, with these texts inside. */
  public byte[] encode(RgbImage image, Map<String, String> texts) {
    return switch (format) {
      case PNG -> ImageEncoder.png(image, texts);
      case JPEG -> JpegEncoder.jpeg(image, quality, texts);
      case WEBP -> WebpEncoder.webp(image, quality, texts);
    };
  }

  private Map<String, String> texts(ManifestRow row, String model, Redaction redaction) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("id", row.id());
    parameters.put("model", redaction.apply(model));
    parameters.put("seed", row.seed());
    parameters.put("num_inference_steps", row.steps());
    parameters.put("guidance_scale", row.guidanceScale());
    if (row.stepCache() > 0) {
      parameters.put("step_cache", row.stepCache());
    }
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("Description", redaction.apply(row.prompt()));
    texts.put("Software", program);
    try {
      texts.put("Parameters", JSON.writeValueAsString(parameters));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Texts and numbers can be written as JSON", e);
    }
    return texts;
  }
}
