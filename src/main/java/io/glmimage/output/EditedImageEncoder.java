package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.error.Redaction;
import io.glmimage.image.RgbImage;
import io.glmimage.json.Json;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.request.Solver;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Makes the file of an edited image. The file also says how the image was made. {@code Description}
 * is the prompt, and {@code Software} is the name and version of this program. {@code Parameters}
 * is a JSON object with id, model, seed, num_inference_steps, guidance_scale and, if it is used,
 * step_cache or solver. PNG stores these in text chunks, JPEG and WebP in an XMP packet. There are
 * no times in the file, so the same row gives the same bytes. The pixels are sRGB, and no profile
 * says so: files without one are sRGB by convention.
 *
 * @param format how the edited image is encoded
 * @param quality of JPEG and WebP, 1 to 100
 * @param program name and version of this program
 */
public record EditedImageEncoder(EditedImageFormat format, int quality, String program)
    implements Serializable {

  /** The settings that affect the file, other than the row and the model; empty for PNG. */
  public String fingerprint() {
    return format == EditedImageFormat.PNG
        ? ""
        : " " + format + (format.isLossy() ? " " + quality : "");
  }

  /**
   * The file of an edited image.
   *
   * @param exif of a source image, to store in the file; empty for none
   */
  public byte[] encode(
      RgbImage image, byte[] exif, ManifestRow row, String model, Redaction redaction) {
    return format.encode(image, quality, texts(row, model, redaction), exif);
  }

  /**
   * The file of an edited image that does not tell how it was made.
   *
   * @param exif of a source image, to store in the file; empty for none
   */
  public byte[] encode(RgbImage image, byte[] exif) {
    return format.encode(image, quality, Map.of(), exif);
  }

  private Map<String, String> texts(ManifestRow row, String model, Redaction redaction) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("id", row.id());
    parameters.put("model", redaction.apply(model));
    parameters.put("seed", row.settings().seed());
    parameters.put("num_inference_steps", row.settings().steps());
    parameters.put("guidance_scale", row.settings().guidanceScale());
    if (row.settings().stepCache() > 0) {
      parameters.put("step_cache", row.settings().stepCache());
    }
    if (row.settings().solver() != Solver.EULER) {
      parameters.put("solver", row.settings().solver().label());
    }
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("Description", redaction.apply(row.prompt()));
    texts.put("Software", program);
    try {
      texts.put("Parameters", Json.MAPPER.writeValueAsString(parameters));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write plain values as JSON", e);
    }
    return texts;
  }
}
