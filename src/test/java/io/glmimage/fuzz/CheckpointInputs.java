package io.glmimage.fuzz;

import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.io.LocalFolders;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.pipeline.CheckpointInspector;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.CheckpointSkeleton;
import io.glmimage.weights.SafetensorsFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The files of a checkpoint. One file is the input; the others are those of a tiny model. */
final class CheckpointInputs {
  private static final Path TINY = Path.of("src/test/resources/goldens/checkpoint-a");

  private CheckpointInputs() {}

  /** A folder of this process, in which one file after the other is replaced. */
  private static final class Scratch {
    static final Path FOLDER = folder();

    private static Path folder() {
      try {
        Path folder = Files.createTempDirectory("glm-image-fuzz-").toRealPath();
        CheckpointSkeleton.copy(new LocalFileSource(TINY), folder);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
        return folder;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void delete(Path folder) {
      try {
        LocalFolders.delete(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  static void safetensors(byte[] input) throws IOException {
    Path file = Scratch.FOLDER.resolve("fuzz.safetensors");
    Files.write(file, input);
    SafetensorsFile weights = SafetensorsFile.open(file);
    for (String name : weights.names()) {
      weights.shape(name);
      weights.dtype(name);
    }
  }

  static void index(byte[] input) throws IOException {
    String name = "transformer/diffusion_pytorch_model.safetensors.index.json";
    Files.write(Scratch.FOLDER.resolve(name), input);
    CheckpointFolder.open(Scratch.FOLDER)
        .weights("transformer", Compute.meta(ScalarType.Float))
        .close();
  }

  /** The first byte selects the file; its text follows. */
  static void configuration(byte[] input) throws IOException {
    List<String> names = Configurations.NAMES;
    if (input.length == 0) {
      return;
    }
    String name = names.get(Math.floorMod(input[0] - 'a', names.size()));
    CheckpointInspector.inspect(
        new Configurations(name, Arrays.copyOfRange(input, 1, input.length)));
  }

  static void tokenizer(byte[] input) throws IOException {
    Files.write(Scratch.FOLDER.resolve("processor/tokenizer.json"), input);
    GlmProcessor.load(CheckpointFolder.open(Scratch.FOLDER)).close();
  }

  /** The tiny checkpoint with one file replaced. */
  private static final class Configurations implements FileSource {
    private static final FileSource FILES = new LocalFileSource(TINY);

    /** Without the tokenizer and the indexes, which have targets of their own. */
    private static final List<String> NAMES = names();

    private final Map<String, byte[]> replaced = new TreeMap<>();

    Configurations(String path, byte[] content) {
      replaced.put(path, content);
    }

    private static List<String> names() {
      try {
        Set<String> others = Set.of("processor/tokenizer.json");
        return FILES.list().stream()
            .map(Entry::path)
            .filter(path -> path.endsWith(".json") && !path.endsWith(".index.json"))
            .filter(path -> !others.contains(path))
            .sorted()
            .collect(Collectors.toList());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public String name() {
      return "fuzz";
    }

    @Override
    public List<Entry> list() throws IOException {
      return FILES.list().stream().map(this::changed).toList();
    }

    @Override
    public Entry stat(String path) throws IOException {
      return changed(FILES.stat(path));
    }

    private Entry changed(Entry entry) {
      byte[] content = replaced.get(entry.path());
      return content == null ? entry : new Entry(entry.path(), content.length, "fuzz");
    }

    @Override
    public InputStream open(String path, long offset) throws IOException {
      byte[] content = replaced.get(path);
      if (content == null) {
        return FILES.open(path, offset);
      }
      InputStream in = new ByteArrayInputStream(content);
      in.skipNBytes(offset);
      return in;
    }
  }
}
