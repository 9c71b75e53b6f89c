package io.glmimage.model.processor;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.glmimage.error.CheckpointException;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The byte-level BPE tokenizer of {@code processor/tokenizer.json}. Special tokens are recognised
 * where they stand literally in a text; none are added, nothing is padded or cut.
 *
 * <p>Runs the Hugging Face tokenizers library through DJL, wholly offline: the native library comes
 * out of the jar. DJL unpacks it under its cache folder ({@code DJL_CACHE_DIR}, else the home
 * folder, else the temporary one) into a new folder that is then renamed, so that several JVMs of a
 * node may start at once.
 *
 * <p>Safe for several threads until closed.
 */
public final class PromptTokenizer implements AutoCloseable {
  static {
    // On a machine with CUDA, DJL would otherwise download a CUDA build of the tokenizer library.
    setUnlessSet("RUST_FLAVOR", "cpu");
    // Else DJL reports its use over the network (and waits for time-outs where there is none).
    setUnlessSet("OPT_OUT_TRACKING", "true");
  }

  private final Path file;
  private final HuggingFaceTokenizer tokenizer;

  private PromptTokenizer(Path file, HuggingFaceTokenizer tokenizer) {
    this.file = file;
    this.tokenizer = tokenizer;
  }

  /**
   * @throws CheckpointException if the file is missing or damaged
   */
  public static PromptTokenizer load(CheckpointFolder checkpoint) {
    Path file = checkpoint.file("processor/tokenizer.json");
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " is missing; the folder must have the Hugging Face layout of GLM-Image");
    }
    Map<String, String> options =
        Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
    try (InputStream in = Files.newInputStream(file)) {
      return new PromptTokenizer(file, HuggingFaceTokenizer.newInstance(in, options));
    } catch (IOException | RuntimeException e) {
      // The native code reports a damaged file as a RuntimeException.
      throw new CheckpointException(
          "Cannot load model: " + file + " is not a tokenizer: " + e.getMessage(), e);
    }
  }

  private static void setUnlessSet(String name, String value) {
    if (System.getenv(name) == null && System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }

  public int[] encode(String text) {
    long[] ids = tokenizer.encode(text, false, false).getIds();
    int[] out = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      out[i] = Math.toIntExact(ids[i]);
    }
    return out;
  }

  public String decode(int[] ids, boolean skipSpecialTokens) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      wide[i] = ids[i];
    }
    return wide.length == 0 ? "" : tokenizer.decode(wide, skipSpecialTokens);
  }

  /**
   * The id of a special token.
   *
   * @throws CheckpointException if the tokenizer does not know it as one token
   */
  public int id(String token) {
    int[] ids = encode(token);
    if (ids.length != 1) {
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " does not hold "
              + token
              + " as one token; it is named in tokenizer_config.json");
    }
    return ids[0];
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
