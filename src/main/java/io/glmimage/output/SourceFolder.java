package io.glmimage.output;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.io.Storage;
import io.glmimage.json.Json;
import java.io.IOException;

/** Where the relative image paths of a finished run start, by the options in its summary. */
public final class SourceFolder {
  private static final long LONGEST_SUMMARY = 64L << 20;

  /** The value of an option that was not given. */
  private static final String NONE = "null";

  private SourceFolder() {}

  /** The folder; null if the summary is missing, or the run had no relative paths. */
  public static String of(Storage storage, OutputLayout output) throws IOException {
    if (!storage.exists(output.summary())) {
      return null;
    }
    JsonNode options =
        Json.MAPPER.readTree(storage.read(output.summary(), LONGEST_SUMMARY)).path("options");
    String folder = text(options, "image-folder");
    if (folder != null) {
      return folder;
    }
    String manifest = text(options, "manifest");
    return manifest == null ? null : storage.parent(manifest);
  }

  private static String text(JsonNode options, String name) {
    JsonNode value = options.path(name);
    return value.isTextual() && !value.textValue().equals(NONE) ? value.textValue() : null;
  }
}
