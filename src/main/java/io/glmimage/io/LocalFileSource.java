package io.glmimage.io;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
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
    for (String path : visible()) {
      if (Files.isRegularFile(root.resolve(path))) {
        found.add(stat(path));
      }
    }
    return found;
  }

  @Override
  public List<String> brokenLinks() throws IOException {
    return visible().stream()
        .filter(path -> Files.isSymbolicLink(root.resolve(path)))
        .filter(path -> !Files.exists(root.resolve(path)))
        .toList();
  }

  @Override
  public List<String> folders(String path) throws IOException {
    Path folder = root.resolve(path);
    if (!Files.isDirectory(folder) || !mayBeListed(folder)) {
      return List.of();
    }
    return visible(folder).stream()
        .filter(name -> Files.isDirectory(folder.resolve(name)))
        .toList();
  }

  @Override
  public List<String> closedFolders() throws IOException {
    return visible(root).stream()
        .filter(name -> Files.isDirectory(root.resolve(name)) && !mayBeListed(root.resolve(name)))
        .toList();
  }

  private static boolean mayBeListed(Path folder) {
    return Files.isReadable(folder) && Files.isExecutable(folder);
  }

  /** What is in the folder and in its direct subfolders, also broken links, sorted. */
  private List<String> visible() throws IOException {
    List<String> found = new ArrayList<>();
    for (String name : visible(root)) {
      found.add(name);
      if (Files.isDirectory(root.resolve(name)) && mayBeListed(root.resolve(name))) {
        visible(root.resolve(name)).forEach(child -> found.add(name + "/" + child));
      }
    }
    return found;
  }

  private static List<String> visible(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      // Not every name can be written in the process's character set.
      return all.filter(child -> child.equals(sibling(child)))
          .map(child -> child.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    }
  }

  /** The path that a file's name as text leads to; null if it leads to none. */
  private static Path sibling(Path child) {
    try {
      return child.resolveSibling(child.getFileName().toString());
    } catch (InvalidPathException e) {
      return null;
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
