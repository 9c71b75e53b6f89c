package io.glmimage.spark.results;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.digest.Sha256;
import io.glmimage.error.ErrorClass;
import io.glmimage.json.Json;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.ResultStatus;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * The answer to one request of an OpenAI batch. A request for n images is n rows of the job.
 *
 * @param name names the request; equal to {@code customId} unless that is null
 * @param customId the request's own name; null if the line was not JSON
 * @param responseFormat {@code url} or {@code b64_json}; null if the request does not say
 * @param images the rows of the request, in order
 */
record BatchAnswer(String name, String customId, String responseFormat, List<Image> images) {

  /** Failures that the request did not cause. */
  private static final Set<String> SERVER_ERRORS =
      Set.of(
          ErrorClass.MODEL_ERROR.name(),
          ErrorClass.OUT_OF_MEMORY.name(),
          ErrorClass.PROCESS_CRASH.name());

  /**
   * The result of one row.
   *
   * @param outputPath of the edited image; null if the row failed
   * @param width of the edited image; null if the row failed
   * @param height of the edited image; null if the row failed
   */
  record Image(
      String status,
      String errorClass,
      String error,
      String outputPath,
      Integer width,
      Integer height,
      Long seed) {
    private boolean failed() {
      return !ResultStatus.OK.name().equals(status);
    }

    private boolean isServerError() {
      return SERVER_ERRORS.contains(errorClass);
    }
  }

  /** Reads the file of an edited image. */
  @FunctionalInterface
  interface Files {
    byte[] read(String path) throws IOException;
  }

  /** Whether the answer belongs in the file of errors: one failed image fails the request. */
  boolean isError() {
    return images.stream().anyMatch(Image::failed);
  }

  /**
   * The answer as JSON.
   *
   * @param inline whether the answer holds the edited images if the request does not say
   * @param created seconds since 1970
   */
  String json(boolean inline, long created, Files files) throws IOException {
    List<Image> failed = images.stream().filter(Image::failed).toList();
    ObjectNode line = Json.MAPPER.createObjectNode();
    line.put("id", "batch_req_" + digest(name));
    line.put("custom_id", customId);
    ObjectNode response = line.putObject("response");
    response.put("status_code", failed.isEmpty() ? 200 : failed.get(0).isServerError() ? 500 : 400);
    response.put("request_id", "req_" + digest("request " + name));
    ObjectNode body = response.putObject("body");
    if (failed.isEmpty()) {
      boolean base64 = responseFormat == null ? inline : responseFormat.equals("b64_json");
      writeImages(body, base64, created, files);
    } else {
      writeError(body, failed);
    }
    line.putNull("error");
    return Json.MAPPER.writeValueAsString(line);
  }

  private void writeImages(ObjectNode body, boolean base64, long created, Files files)
      throws IOException {
    body.put("created", created);
    ArrayNode data = body.putArray("data");
    for (Image image : images) {
      ObjectNode item = data.addObject();
      if (base64) {
        byte[] file = files.read(image.outputPath());
        item.put("b64_json", Base64.getEncoder().encodeToString(file));
      } else {
        item.put("url", image.outputPath());
      }
      item.put("seed", image.seed());
    }
    Image first = images.get(0);
    body.put("size", first.width() + "x" + first.height());
    body.put("output_format", EditedImageFormat.ofFile(first.outputPath()).label());
  }

  private void writeError(ObjectNode body, List<Image> failed) {
    Image first = failed.get(0);
    String count =
        images.size() == 1 ? "" : " (" + failed.size() + " of " + images.size() + " images failed)";
    ObjectNode error = body.putObject("error");
    error.put("message", first.error() + count);
    error.put("type", first.isServerError() ? "server_error" : "invalid_request_error");
    error.putNull("param");
    error.put("code", first.errorClass().toLowerCase(Locale.ROOT));
  }

  private static String digest(String text) {
    return Sha256.hex(text).substring(0, 32);
  }
}
