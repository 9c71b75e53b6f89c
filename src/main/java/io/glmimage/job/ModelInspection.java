package io.glmimage.job;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.DeviceException;
import io.glmimage.error.UsageException;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.io.LocalFolders;
import io.glmimage.io.Storage;
import io.glmimage.pipeline.CheckpointInspector;
import io.glmimage.pipeline.CheckpointReport;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.weights.AdapterSource;
import io.glmimage.weights.AdapterSpec;
import io.glmimage.weights.CheckpointForm;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Inspects a model folder wherever it is. */
final class ModelInspection {
  private static final Logger LOG = LoggerFactory.getLogger(ModelInspection.class);
  private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:.*");

  private ModelInspection() {}

  /**
   * Inspects the checkpoint of a model before work begins, if it has one.
   *
   * @throws UsageException with all problems
   * @throws IOException if it cannot be read
   */
  static void check(ModelRef model, Storage storage) throws IOException {
    Optional<FileSource> source = model.checkpoint(storage);
    if (source.isEmpty()) {
      return;
    }
    CheckpointReport report;
    try {
      report = CheckpointInspector.inspect(source.get(), model.adapters(storage));
    } catch (DeviceException e) {
      // The driver may be another machine than the executors.
      LOG.warn("The model is not inspected on the driver: {}", e.getMessage());
      return;
    }
    report.warnings().forEach(warning -> LOG.warn("{}: {}", report.location(), warning));
    if (!report.usable()) {
      throw new UsageException(
          "Cannot load model: "
              + report.location()
              + " has these problems (nothing was done):\n  - "
              + String.join("\n  - ", report.problems()));
    }
  }

  /** Whether a location is a path of this machine, for which no Spark session is needed. */
  static boolean isLocal(String location) {
    return !SCHEME.matcher(location).matches();
  }

  /**
   * @param location a local path, or {@code demo} for the embedded model
   * @param adapters LoRA adapters in local folders
   * @throws CheckpointException if there is no such folder
   * @throws IOException if it cannot be read
   */
  static CheckpointReport ofLocal(String location, List<AdapterSpec> adapters) throws IOException {
    return inspect(location, adapters, ModelInspection::local);
  }

  /**
   * @param location a folder of any file system, or {@code demo} for the embedded model
   * @param adapters LoRA adapters in folders of any file system
   * @throws CheckpointException if there is no such folder
   * @throws IOException if it cannot be read
   */
  static CheckpointReport of(String location, List<AdapterSpec> adapters, Storage storage)
      throws IOException {
    return inspect(location, adapters, storage::checkpoint);
  }

  /** Finds a folder by its location. */
  private interface Finder {
    /**
     * @throws FileNotFoundException if there is no such folder
     */
    FileSource find(String location) throws IOException;
  }

  private static FileSource local(String location) throws IOException {
    Path folder = Path.of(location);
    if (!Files.isDirectory(folder)) {
      throw new FileNotFoundException(location);
    }
    return new LocalFileSource(folder);
  }

  private static CheckpointReport inspect(
      String location, List<AdapterSpec> adapters, Finder folders) throws IOException {
    FileSource model;
    try {
      model =
          location.equals(EngineOptions.DEMO)
              ? new LocalFileSource(demonstration())
              : folders.find(location);
    } catch (FileNotFoundException e) {
      throw missing(
          CheckpointForm.hubId(location)
              .orElse(
                  "there is no folder "
                      + location
                      + ifFile(
                          location,
                          "; it is a file, and single-file checkpoints are not supported: use the"
                              + " folder layout of zai-org/GLM-Image")));
    }
    List<AdapterSource> sources = new ArrayList<>();
    for (AdapterSpec adapter : adapters) {
      try {
        sources.add(new AdapterSource(folders.find(adapter.location()), adapter.scale()));
      } catch (FileNotFoundException e) {
        throw missing(
            CheckpointForm.adapterHubId(adapter.location())
                .orElse(
                    "there is no adapter folder "
                        + adapter.location()
                        + ifFile(
                            adapter.location(),
                            "; it is a file: put it into a folder of its own, and give the folder")));
      }
    }
    return CheckpointInspector.inspect(model, sources);
  }

  private static Path demonstration() throws IOException {
    return LocalFolders.ofResource(
        ModelInspection.class.getClassLoader(),
        "models/" + EngineOptions.EMBEDDED_MODEL,
        "model_index.json");
  }

  /** The advice if a location is a local file; else empty. */
  private static String ifFile(String location, String advice) {
    return isLocal(location) && Files.isRegularFile(Path.of(location)) ? advice : "";
  }

  private static CheckpointException missing(String why) {
    return new CheckpointException("Cannot load model: " + why);
  }
}
