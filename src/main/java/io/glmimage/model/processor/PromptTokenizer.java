package io.glmimage.model.processor;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.util.Utils;
import com.fasterxml.jackson.core.JacksonException;
import io.glmimage.error.CheckpointException;
import io.glmimage.error.DeviceException;
import io.glmimage.natives.CacheFolders;
import io.glmimage.natives.DjlSwitches;
import io.glmimage.weights.CheckpointFolder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The byte-level BPE tokenizer of {@code processor/tokenizer.json}. Special tokens are recognised
 * if a text spells them out. Nothing is padded or truncated.
 *
 * <p>Runs the Hugging Face tokenizers library through DJL, without network access: the native
 * library is in the jar. DJL unpacks it below its cache folder ({@code DJL_CACHE_DIR}, else the
 * home folder, else the temporary folder). It unpacks into a new folder and renames that, so
 * several JVMs of a node can start at the same time.
 *
 * <p>Thread-safe until closed.
 */
public final class PromptTokenizer implements AutoCloseable {
  static {
    DjlSwitches.stayOffline();
  }

  private final Path file;
  private final HuggingFaceTokenizer tokenizer;

  private PromptTokenizer(Path file, HuggingFaceTokenizer tokenizer) {
    this.file = file;
    this.tokenizer = tokenizer;
  }

  /**
   * Loads the tokenizer.
   *
   * @throws CheckpointException if the file is missing or damaged
   */
  public static PromptTokenizer load(CheckpointFolder checkpoint) {
    loadLibrary();
    Path file = checkpoint.file("processor/tokenizer.json");
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " is missing; the folder must have the Hugging Face layout of GLM-Image");
    }
    Map<String, String> options =
        Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
    try {
      byte[] json = Files.readAllBytes(file);
      TokenizerText.check(json);
      return new PromptTokenizer(
          file, HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options));
    } catch (JacksonException e) {
      throw new CheckpointException(
          "Cannot load model: " + file + " is not valid JSON: " + e.getOriginalMessage(), e);
    } catch (IOException | RuntimeException e) {
      // The native code reports a damaged file as a RuntimeException.
      throw new CheckpointException(
          "Cannot load model: " + file + " is not a tokenizer: " + e.getMessage(), e);
    }
  }

  /**
   * Loads the native library, once per process.
   *
   * @throws DeviceException if it cannot be loaded
   */
  public static void loadLibrary() {
    try {
      LibUtils.checkStatus();
    } catch (LinkageError | RuntimeException e) {
      StringBuilder words = new StringBuilder();
      for (Throwable cause = e; cause != null; cause = cause.getCause()) {
        words.append(words.length() == 0 ? "" : ": ").append(cause.getMessage());
      }
      throw new DeviceException(
          "Cannot load the tokenizers library: "
              + CacheFolders.problem(
                      Utils.getCacheDir(),
                      words.toString(),
                      "the environment variable DJL_CACHE_DIR")
                  .orElse(words.toString()),
          e);
    }
  }

  /** The ids of a text, and nothing else. */
  public int[] encode(String text) {
    return encode(text, false);
  }

  /**
   * The ids of a text.
   *
   * @param framed whether the tokenizer adds the tokens that its file puts around a text
   */
  int[] encode(String text, boolean framed) {
    long[] ids = tokenizer.encode(text, framed, false).getIds();
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
   * @throws CheckpointException if the tokenizer does not have it as one token
   */
  public int id(String token) {
    int[] ids = encode(token);
    if (ids.length != 1) {
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " does not have "
              + token
              + " as one token, but tokenizer_config.json names it");
    }
    return ids[0];
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
