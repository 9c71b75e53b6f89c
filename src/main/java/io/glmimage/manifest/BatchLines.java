package io.glmimage.manifest;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Reader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The requests of an OpenAI batch, one a line: {@code {"custom_id", "method", "url", "body"}} to
 * {@code /v1/images/edits} or {@code /v1/images/generations}. A line that asks for {@code n} images
 * becomes n rows, {@code custom_id#1} to {@code custom_id#n}, of which another line may have the
 * id. Row k has the seed of the body plus k - 1.
 *
 * <p>As in the API, the whole batch is refused if a line has no custom_id, a method other than
 * POST, or an unknown url. A line with an invalid body fails alone.
 */
final class BatchLines implements TextRows {
  static final String EDITS = "/v1/images/edits";
  static final String GENERATIONS = "/v1/images/generations";

  /** The limit of the API. */
  static final int MOST_IMAGES = 10;

  private static final Pattern SIZE = Pattern.compile("([0-9]{1,5})x([0-9]{1,5})");

  private final Lines lines;
  private final String file;
  private final Deque<TextRow> ready = new ArrayDeque<>();

  BatchLines(Reader in, String file) {
    this.lines = new Lines(in);
    this.file = file;
  }

  @Override
  public boolean hasNext() {
    return !ready.isEmpty() || lines.hasNext();
  }

  @Override
  public TextRow next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    if (ready.isEmpty()) {
      String line = lines.next();
      ready.addAll(rows(line, lines.number()));
    }
    return ready.remove();
  }

  private List<TextRow> rows(String line, long number) {
    String place = TextRows.place(file, number);
    TextRow first = new TextRow();
    first.putOther(BatchColumn.LINE.column(), number);
    first.putOther(BatchColumn.IMAGE.column(), 1L);
    first.putOther(BatchColumn.IMAGES.column(), 1L);
    JsonObjectLine request = JsonObjectLine.of(line, key -> true);
    if (request.problem() != null) {
      // Without an id, the id of this row is derived from the problem, which names file and line.
      JsonNode id = request.get("custom_id");
      if (id.isTextual() && !Texts.isBlank(id.textValue())) {
        first.putOther(BatchColumn.CUSTOM_ID.column(), id.textValue());
        first.put(ManifestField.ID, id.textValue());
      }
      first.unreadable(place + request.problem());
      return List.of(first);
    }
    String fatal = fatal(request, place);
    if (fatal != null) {
      first.fatal(fatal);
      return List.of(first);
    }
    String customId = request.get("custom_id").textValue();
    String url = request.get("url").asText();
    JsonNode body = request.get("body");
    if (request.problem() != null) {
      first.unreadable(place + request.problem());
    }
    if (!body.isObject() && request.problem() == null) {
      first.problem(place + ": body is not an object");
    }
    int images = images(first, body.path("n"), place);
    List<TextRow> rows = new ArrayList<>();
    for (int k = 1; k <= images; k++) {
      TextRow row = k == 1 ? first : new TextRow();
      row.putOther(BatchColumn.CUSTOM_ID.column(), customId);
      row.putOther(BatchColumn.URL.column(), url);
      row.putOther(BatchColumn.LINE.column(), number);
      row.putOther(BatchColumn.IMAGE.column(), (long) k);
      row.putOther(BatchColumn.IMAGES.column(), (long) images);
      row.put(ManifestField.ID, images == 1 ? customId : customId + "#" + k);
      body(row, body, url.equals(EDITS), place);
      seed(row, k, images, place);
      rows.add(row);
    }
    return rows;
  }

  /** Gives image k of a line its seed. */
  private static void seed(TextRow row, int k, int images, String place) {
    if (row.value(ManifestField.SEED) instanceof Long seed) {
      if (seed > Long.MAX_VALUE - (images - 1)) {
        row.problem(
            place
                + ": seed is "
                + seed
                + ", too large for "
                + images
                + " images, whose seeds are consecutive (at most "
                + (Long.MAX_VALUE - (images - 1))
                + ")");
      } else {
        row.put(ManifestField.SEED, seed + k - 1);
      }
    }
  }

  /** Why the batch must be refused because of this line, or null. */
  private static String fatal(JsonObjectLine request, String place) {
    JsonNode id = request.get("custom_id");
    if (!id.isTextual() || Texts.isBlank(id.textValue())) {
      return place + " has no custom_id";
    }
    String method = text(request.get("method"), "POST");
    if (!method.equalsIgnoreCase("POST")) {
      return place + ": method is " + Texts.shown(method) + ", expected POST";
    }
    String url = text(request.get("url"), "");
    return url.equals(EDITS) || url.equals(GENERATIONS)
        ? null
        : place + ": url is " + Texts.shown(url) + ", expected " + EDITS + " or " + GENERATIONS;
  }

  private static String text(JsonNode node, String otherwise) {
    return node.isMissingNode() || node.isNull() ? otherwise : node.asText();
  }

  /** The number of images that the line asks for. */
  private static int images(TextRow row, JsonNode n, String place) {
    if (n.isMissingNode() || n.isNull()) {
      return 1;
    }
    if (n.isInt() && n.intValue() >= 1 && n.intValue() <= MOST_IMAGES) {
      return n.intValue();
    }
    row.problem(JsonFields.wrongNumber(place, "n", n, "1 to " + MOST_IMAGES));
    return 1;
  }

  private static void body(TextRow row, JsonNode body, boolean edits, String place) {
    JsonFields.put(row, ManifestField.PROMPT, "prompt", body.path("prompt"), place);
    for (ManifestField field :
        List.of(
            ManifestField.SEED,
            ManifestField.HEIGHT,
            ManifestField.WIDTH,
            ManifestField.NUM_INFERENCE_STEPS,
            ManifestField.GUIDANCE_SCALE)) {
      JsonFields.put(row, field, field.column(), body.path(field.column()), place);
    }
    size(row, body.path("size"), place);
    List<String> images = sources(row, body, place);
    if (edits && images.isEmpty() && row.problem() == null) {
      row.problem(place + ": image is missing (use " + GENERATIONS + " to make images from text)");
    }
    if (!edits && !images.isEmpty()) {
      row.problem(place + ": " + GENERATIONS + " accepts no image (use " + EDITS + ")");
    }
    mask(row, body.path("mask"), edits, place);
    row.put(ManifestField.IMAGE_PATHS, images);
    JsonNode answer = body.path("response_format");
    if (answer.isTextual()) {
      if (answer.textValue().equals("b64_json") || answer.textValue().equals("url")) {
        row.putOther(BatchColumn.RESPONSE_FORMAT.column(), answer.textValue());
      } else {
        row.problem(JsonFields.wrong(place, "response_format", answer, "url or b64_json"));
      }
    }
  }

  /** Reads the mask, whose transparent pixels are edited. */
  private static void mask(TextRow row, JsonNode mask, boolean edits, String place) {
    List<String> masks = new ArrayList<>();
    images(row, masks, mask, "mask", place);
    if (masks.isEmpty()) {
      return;
    }
    if (!edits) {
      row.problem(place + ": " + GENERATIONS + " accepts no mask (use " + EDITS + ")");
    } else if (masks.size() > 1) {
      row.problem(place + ": mask has " + masks.size() + " images, expected one");
    } else {
      row.put(ManifestField.MASK_PATH, new MaskSource(masks.get(0), true).text());
    }
  }

  /** Reads the images from the field that has them. Two fields may only have the same. */
  private static List<String> sources(TextRow row, JsonNode body, String place) {
    String from = null;
    List<String> images = List.of();
    for (String name : List.of("image", "images", "image[]")) {
      List<String> here = new ArrayList<>();
      images(row, here, body.path(name), name, place);
      if (here.isEmpty() || here.equals(images)) {
        continue;
      }
      if (from != null) {
        row.problem(
            place + ": " + from + " and " + name + " differ (give all images in one of them)");
        break;
      }
      from = name;
      images = here;
    }
    return images;
  }

  /**
   * Reads {@code 1024x1536}, which is width x height. {@code auto} sets neither. A height or width
   * beside it must be the same.
   */
  private static void size(TextRow row, JsonNode size, String place) {
    if (size.isMissingNode() || size.isNull() || size.asText().equals("auto")) {
      return;
    }
    Matcher matcher = SIZE.matcher(size.asText());
    if (!size.isTextual() || !matcher.matches()) {
      row.problem(JsonFields.wrong(place, "size", size, "auto or WIDTHxHEIGHT, such as 1024x1536"));
      return;
    }
    side(row, ManifestField.WIDTH, Long.valueOf(matcher.group(1)), size, place);
    side(row, ManifestField.HEIGHT, Long.valueOf(matcher.group(2)), size, place);
  }

  private static void side(
      TextRow row, ManifestField field, Long pixels, JsonNode size, String place) {
    Object given = row.value(field);
    if (given != null && !given.equals(pixels)) {
      row.problem(
          place
              + ": size is "
              + size.asText()
              + ", but "
              + field.column()
              + " is "
              + given
              + " (give one of them)");
    }
    row.put(field, pixels);
  }

  /** Reads a path or data URL, {@code {"image_url": ...}}, or an array of these. */
  private static void images(
      TextRow row, List<String> images, JsonNode node, String name, String place) {
    if (node.isMissingNode() || node.isNull()) {
      return;
    }
    if (node.isArray()) {
      node.forEach(item -> images(row, images, item, name, place));
      return;
    }
    JsonNode url = node.isObject() ? node.path("image_url") : node;
    JsonNode text = url.isObject() ? url.path("url") : url;
    if (text.isTextual()) {
      images.add(DataUrl.ofBase64(text.textValue()));
    } else if (node.has("file_id")) {
      row.problem(
          place
              + ": "
              + name
              + " names the uploaded file "
              + Texts.shown(node.path("file_id").asText())
              + " (give a path, an s3a:// address or a data URL instead)");
    } else {
      row.problem(
          JsonFields.wrong(place, name, node, "a path, a data URL or {\"image_url\": ...}"));
    }
  }
}
