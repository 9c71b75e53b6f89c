package io.glmimage.spark.manifest;

import static java.util.function.Predicate.not;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.JsonLayout;
import io.glmimage.manifest.TextEncoding;
import io.glmimage.manifest.Texts;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;

/** Text files of manifests: UTF-8, plain or compressed with gzip. */
final class TextFiles {
  private static final int BUFFER = 1 << 16;

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
    ParallelReads.forEach(
        files,
        file -> {
          byte[] head = storage.head(file, TextEncoding.HEAD_BYTES);
          ForeignFiles.checkText(head, file, given);
          return refusal(file, TextEncoding.problem(head));
        },
        TextFiles::refuse);
  }

  /** The first lines that are not blank, at most {@code most}, read one at a time. */
  static Stream<String> firstLines(BufferedReader in, int most) {
    return in.lines().map(Texts::withoutByteOrderMark).filter(not(String::isBlank)).limit(most);
  }

  /**
   * Refuses JSON that is not one object a line: arrays, and objects over several lines.
   *
   * @param prompt the column that holds the prompt
   * @throws UsageException naming the file and what to do
   */
  static void checkJsonLines(Storage storage, List<String> files, String prompt)
      throws IOException {
    ParallelReads.forEach(
        files,
        file -> refusal(file, JsonLayout.problem(open(storage, file), prompt)),
        TextFiles::refuse);
  }

  /** The message about a file that cannot be used, or null without a problem. */
  private static String refusal(String file, String problem) {
    return problem == null ? null : "Cannot read manifest " + file + ": " + problem;
  }

  private static void refuse(String message) {
    if (message != null) {
      throw new UsageException(message);
    }
  }
}
