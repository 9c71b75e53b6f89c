package io.glmimage.io;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A folder of the local disk. Links are followed, because the Hugging Face cache uses them. */
public final class LocalFileSource implements FileSource {
  private final Path root;

  public LocalFileSource(Path root) {
    this.root = root.toAbsolutePath().normalize();
  }

  @Override
  public String name() {
    return root.toString();
  }

  @Override
  public List<Entry> list() throws IOException {
    List<Entry> found = new ArrayList<>();
    list(root, "", found);
    return found;
  }

  private void list(Path folder, String prefix, List<Entry> found) throws IOException {
    List<Path> children;
    try (Stream<Path> all = Files.list(folder)) {
      children = all.sorted().toList();
    }
    for (Path child : children) {
      String name = child.getFileName().toString();
      if (name.startsWith(".")) {
        continue;
      }
      if (Files.isRegularFile(child)) {
        found.add(stat(prefix + name));
      } else if (prefix.isEmpty() && Files.isDirectory(child)) {
        list(child, name + "/", found);
      }
    }
  }

  @Override
  public Entry stat(String path) throws IOException {
    Path file = root.resolve(path);
    if (!Files.isRegularFile(file)) {
      throw new FileNotFoundException(file + " does not exist");
    }
    return new Entry(
        path, Files.size(file), String.valueOf(Files.getLastModifiedTime(file).toMillis()));
  }

  @Override
  public InputStream open(String path, long offset) throws IOException {
    FileChannel channel = FileChannel.open(root.resolve(path), StandardOpenOption.READ);
    channel.position(offset);
    return Channels.newInputStream(channel);
  }
}
