package io.glmimage.io;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.RemoteIterator;

/** Lists the files of a folder. Symbolic links to folders cannot list a folder twice. */
final class FolderWalk {
  private FolderWalk() {}

  /** Takes the entries of a folder. Only local folders have other entries than files. */
  interface Visitor {
    void file(FileStatus status);

    /** A symbolic link whose target does not exist. Hadoop's listing leaves it out. */
    default void brokenLink(Path path) {}
  }

  /**
   * Calls the visitor for each file of a folder.
   *
   * @param recursive also visits the files of the folders below
   */
  static void visit(FileSystem fileSystem, Path root, boolean recursive, Visitor visitor)
      throws IOException {
    if (fileSystem instanceof RawLocalFileSystem local) {
      visitLocal(local, root, recursive, visitor);
      return;
    }
    // One flat listing on object stores, whatever the depth.
    RemoteIterator<LocatedFileStatus> files = fileSystem.listFiles(root, recursive);
    while (files.hasNext()) {
      visitor.file(files.next());
    }
  }

  /**
   * Each real folder is visited once. Links to folders wait until all folders without links are
   * done, so that a folder below the root is always visited under its own name.
   *
   * <p>Hadoop's recursive listing would ask for permissions, for which it starts a process per file
   * if its native library is missing.
   */
  private static void visitLocal(
      RawLocalFileSystem fileSystem, Path root, boolean recursive, Visitor visitor)
      throws IOException {
    Set<java.nio.file.Path> visited = new HashSet<>();
    Deque<Path> folders = new ArrayDeque<>(List.of(fileSystem.makeQualified(root)));
    Deque<Path> links = new ArrayDeque<>();
    while (!folders.isEmpty() || !links.isEmpty()) {
      Path folder = folders.isEmpty() ? links.poll() : folders.poll();
      File file = fileSystem.pathToFile(folder);
      if (Files.isDirectory(file.toPath()) && !visited.add(file.toPath().toRealPath())) {
        continue;
      }
      FileStatus[] children = fileSystem.listStatus(folder);
      visitUnlisted(file, folder, children, visitor);
      Arrays.sort(children, Comparator.comparing(FileStatus::getPath));
      List<Path> below = new ArrayList<>();
      for (FileStatus child : children) {
        if (!child.isDirectory()) {
          visitor.file(child);
        } else if (Files.isSymbolicLink(fileSystem.pathToFile(child.getPath()).toPath())) {
          links.add(child.getPath());
        } else {
          below.add(child.getPath());
        }
      }
      if (!recursive) {
        return;
      }
      folders.addAll(below);
    }
  }

  /**
   * Visits what Hadoop's listing leaves out: broken links, and files whose names Java cannot
   * represent, because it does not find them under the names that Java gives it.
   */
  private static void visitUnlisted(
      File file, Path folder, FileStatus[] children, Visitor visitor) {
    String[] all = file.list();
    if (all == null || all.length == children.length) {
      return;
    }
    Set<String> names = new TreeSet<>(Arrays.asList(all));
    for (FileStatus child : children) {
      names.remove(child.getPath().getName());
    }
    for (String name : names) {
      Path path = new Path(folder, new Path(null, null, name));
      if (UnreadableText.is(name) && !new File(file, name).exists()) {
        visitor.file(new FileStatus(0, false, 1, 0, 0, path));
      } else if (isBrokenLink(new File(file, name))) {
        visitor.brokenLink(path);
      }
    }
  }

  /** Whether a file is a symbolic link whose target does not exist. */
  static boolean isBrokenLink(File file) {
    return !file.exists() && Files.isSymbolicLink(file.toPath());
  }
}
