package io.glmimage.spark.manifest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.TextEncoding;
import io.glmimage.manifest.Texts;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Text files of manifests: UTF-8, plain or compressed with gzip. */
final class TextFiles {
  private static final int BUFFER = 1 << 16;

  private static final JsonFactory JSON = new JsonFactory();

  private TextFiles() {}

  /** Opens a text file. All text manifests are decoded here. */
  static BufferedReader open(Storage storage, String file) throws IOException {
    return new BufferedReader(TextEncoding.reader(storage.open(file), file), BUFFER);
  }

  /**
   * Refuses files that are not UTF-8 text as a whole.
   *
   * @param given the manifest as the user gave it
   * @throws UsageException naming the file, what it contains, and what to do
   */
  static void check(Storage storage, List<String> files, String given) throws IOException {
    for (String file : files) {
      byte[] head = storage.head(file, TextEncoding.HEAD_BYTES);
      ForeignFiles.checkText(head, file, given);
      String problem = TextEncoding.problem(head);
      if (problem != null) {
        throw new UsageException("Cannot read manifest " + file + ": " + problem);
      }
    }
  }

  /** The first lines that are not blank, at most {@code most}. */
  static List<String> firstLines(Storage storage, String file, int most) throws IOException {
    List<String> lines = new ArrayList<>();
    try (BufferedReader in = open(storage, file)) {
      for (String line = in.readLine(); line != null && lines.size() < most; ) {
        if (!line.isBlank()) {
          lines.add(lines.isEmpty() ? Texts.withoutByteOrderMark(line) : line);
        }
        line = in.readLine();
      }
    }
    return lines;
  }

  /**
   * Refuses JSON that is not one object a line: arrays, and objects over several lines.
   *
   * @throws UsageException naming the file and what to do
   */
  static void checkJsonLines(Storage storage, List<String> files) throws IOException {
    for (String file : files) {
      List<String> lines = firstLines(storage, file, 2);
      String first = lines.isEmpty() ? "" : lines.get(0).strip();
      String second = lines.size() < 2 ? "" : lines.get(1).strip();
      if (lines.isEmpty()) {
        throw new UsageException(
            "Cannot read manifest "
                + file
                + ": all its lines are blank, one object a line is needed");
      }
      if (first.equals("[") || first.replaceAll("\\s", "").startsWith("[{")) {
        throw new UsageException(
            "Cannot read manifest "
                + file
                + ": it is a JSON array, one object a line is needed (jq -c '.[]' FILE)");
      }
      if (first.startsWith("{") && continues(second) && isCutOff(first)) {
        throw new UsageException(
            "Cannot read manifest "
                + file
                + ": its objects have several lines, one object a line is needed (jq -c . FILE)");
      }
    }
  }

  private static boolean continues(String line) {
    return line.startsWith("\"") || line.startsWith("}") || line.startsWith("]");
  }

  private static boolean isCutOff(String line) throws IOException {
    try (JsonParser parser = JSON.createParser(line)) {
      while (parser.nextToken() != null) {
        parser.skipChildren();
      }
      return false;
    } catch (JsonEOFException e) {
      return true;
    } catch (JsonProcessingException e) {
      return false;
    }
  }
}
