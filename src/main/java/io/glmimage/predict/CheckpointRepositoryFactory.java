package io.glmimage.predict;

import ai.djl.repository.LocalRepository;
import ai.djl.repository.Metadata;
import ai.djl.repository.Repository;
import ai.djl.repository.RepositoryFactory;
import ai.djl.repository.SimpleRepository;
import ai.djl.util.JsonUtils;
import ai.djl.util.Utils;
import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.json.Json;
import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets {@code Criteria.optModelPath} and {@code optModelUrls("file:...")} recognize a GLM-Image
 * checkpoint, so that its engine and translators need not be named. All other folders and archives
 * behave as without this class. Remote URLs that DJL cannot read are refused with advice. DJL's own
 * factory for local files is not accessible, so this class repeats its choice between two kinds of
 * repository.
 */
public final class CheckpointRepositoryFactory implements RepositoryFactory {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointRepositoryFactory.class);

  /** Remote schemes, each with the class of the DJL extension that reads it if present. */
  private static final Map<String, String> EXTENSIONS =
      Map.of(
          "s3", "ai/djl/aws/s3/S3RepositoryFactory.class",
          "hdfs", "ai/djl/hadoop/hdfs/HdfsRepositoryFactory.class");

  @Override
  public Set<String> getSupportedScheme() {
    Set<String> schemes = new HashSet<>(Set.of("file", "s3a", "gs", "abfs", "abfss"));
    EXTENSIONS.forEach(
        (scheme, extension) -> {
          if (getClass().getClassLoader().getResource(extension) == null) {
            schemes.add(scheme);
          }
        });
    return schemes;
  }

  /**
   * @throws IllegalArgumentException for a remote URL
   */
  @Override
  public Repository newInstance(String name, URI uri) {
    if (!"file".equalsIgnoreCase(uri.getScheme())) {
      throw new IllegalArgumentException(
          "Cannot load model "
              + shown(uri)
              + ": DJL loads models from local folders. Copy the folder to each node and give its"
              + " file: URL, or use io.glmimage.spark.ml.ImageEditor, which sends a model from any"
              + " Hadoop path to the executors");
    }
    Path path = path(uri);
    if (isCheckpoint(path)) {
      return new Checkpoint(name, uri, path);
    }
    return holdsMetadata(path)
        ? new Folders(name, path.toUri(), path)
        : new Single(name, uri, path);
  }

  /** Without user information and query, which may contain credentials. */
  private static String shown(URI uri) {
    String authority = uri.getRawAuthority() == null ? "" : uri.getRawAuthority();
    return uri.getScheme()
        + "://"
        + authority.substring(authority.indexOf('@') + 1)
        + (uri.getPath() == null ? "" : uri.getPath());
  }

  private static Path path(URI uri) {
    // A URI such as file:models/x has no path part.
    String path = uri.getPath() == null ? uri.getSchemeSpecificPart() : uri.getPath();
    boolean windows = File.separatorChar == '\\';
    return Path.of(windows && path.startsWith("/") ? path.substring(1) : path);
  }

  private static boolean isCheckpoint(Path path) {
    if (!Files.isDirectory(path)) {
      return false;
    }
    Path index = Utils.getNestedModelDir(path).resolve("model_index.json");
    if (!Files.isRegularFile(index)) {
      return false;
    }
    try {
      JsonNode type = Json.MAPPER.readTree(index.toFile()).path("_class_name");
      return type.asText().equals("GlmImagePipeline");
    } catch (IOException e) {
      LOG.debug("{} is not read as a GLM-Image checkpoint", path, e);
      return false;
    }
  }

  /** Whether a folder below this one has DJL's metadata of a model. */
  private static boolean holdsMetadata(Path root) {
    if (!Files.isDirectory(root)) {
      return false;
    }
    try (Stream<Path> files = Files.walk(root)) {
      return files.anyMatch(
          file ->
              file.endsWith("metadata.json")
                  && !root.equals(file.getParent())
                  && Files.isRegularFile(file)
                  && isMetadata(file));
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("Cannot search {} for metadata.json", root, e);
      return false;
    }
  }

  private static boolean isMetadata(Path file) {
    try (Reader reader = Files.newBufferedReader(file)) {
      Metadata metadata = JsonUtils.GSON.fromJson(reader, Metadata.class);
      return metadata != null
          && metadata.getMetadataVersion() != null
          && metadata.getArtifacts() != null;
    } catch (IOException | RuntimeException e) {
      LOG.warn("Invalid {}", file, e);
      return false;
    }
  }

  private static final class Checkpoint extends SimpleRepository {
    Checkpoint(String name, URI uri, Path path) {
      super(name, uri, path);
      // Arguments from the criteria or the URL take precedence.
      arguments.putIfAbsent("engine", GlmImageDjlEngine.NAME);
      arguments.putIfAbsent("translatorFactory", GlmImageTranslatorFactory.class.getName());
    }
  }

  private static final class Folders extends LocalRepository {
    Folders(String name, URI uri, Path path) {
      super(name, uri, path);
    }
  }

  private static final class Single extends SimpleRepository {
    Single(String name, URI uri, Path path) {
      super(name, uri, path);
    }
  }
}
