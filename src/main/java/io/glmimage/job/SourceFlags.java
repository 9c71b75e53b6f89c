package io.glmimage.job;

import io.glmimage.image.ColourRules;
import io.glmimage.image.SourceOptions;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** Options of source images: their places and their colours. */
final class SourceFlags {
  private static final Logger LOG = LoggerFactory.getLogger(SourceFlags.class);

  @Option(
      names = "--allow-input",
      paramLabel = "FOLDER",
      description =
          "Folder from which source images and masks may be read, at any depth; repeatable. Rows with"
              + " files elsewhere fail. Data URLs are allowed. Default: none; all folders.")
  private List<String> allowed = new ArrayList<>();

  @Option(
      names = "--colour",
      paramLabel = "convert|ignore",
      defaultValue = ColourRules.CONVERT,
      description =
          "convert: colours of source images with a colour profile (Display P3, Adobe RGB, grey,"
              + " CMYK) are converted to sRGB. With ignore, profiles are ignored, as in the reference."
              + " Default: ${DEFAULT-VALUE}.")
  private String colour;

  @Option(
      names = "--transparency",
      paramLabel = "drop|COLOUR",
      defaultValue = ColourRules.DROP,
      description =
          "drop: transparent pixels of source images show the colour that is stored in them, as"
              + " in the reference. With white, black, grey or #rrggbb, they show this background. Default:"
              + " ${DEFAULT-VALUE}.")
  private String transparency;

  /**
   * @param metadata the value of --keep-metadata
   */
  SourceOptions options(String metadata) {
    return SourceOptions.of(colour, transparency, metadata).allowing(allowed);
  }

  /**
   * The options with folders that are the same on every executor.
   *
   * @throws io.glmimage.error.UsageException if a folder cannot be the name of one
   */
  static SourceOptions qualified(SourceOptions options, Storage storage) throws IOException {
    List<String> folders = new ArrayList<>();
    for (String folder : options.folders()) {
      String full = storage.qualified(folder);
      Path local = storage.local(full);
      if (local != null && !Files.isDirectory(local)) {
        LOG.warn("--allow-input {}: there is no such folder on this machine", folder);
      }
      folders.add(full);
    }
    return options.allowing(folders);
  }

  /** The allowed folders, for a command that edits nothing; empty for all. */
  List<String> folders(Storage storage) throws IOException {
    return qualified(SourceOptions.DEFAULT.allowing(allowed), storage).folders();
  }

  /** The rules alone, for a command that edits nothing. */
  ColourRules rules() {
    return ColourRules.of(colour, transparency);
  }
}
