package io.glmimage.io;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/** A folder that is only read, on a local disk or any Hadoop file system. */
public interface FileSource {
  /**
   * A file of the folder.
   *
   * @param path relative to the folder, with {@code /} between the parts
   * @param size bytes
   * @param version changes when the file is replaced: its modification time and, if the store has
   *     one, its entity tag
   */
  record Entry(String path, long size, String version) {}

  /** The folder as messages name it. */
  String name();

  /**
   * The files in the folder and in its direct subfolders, without hidden ones. Subfolders that this
   * user may not read are left out: the root of a disk has some.
   */
  List<Entry> list() throws IOException;

  /**
   * Links in the folder and in its direct subfolders whose target does not exist, as paths relative
   * to the folder. {@link #list} leaves them out.
   */
  default List<String> brokenLinks() throws IOException {
    return List.of();
  }

  /**
   * The names of the folders directly in the folder or in one of its subfolders, sorted, without
   * hidden ones; empty if there is no such folder.
   *
   * @param path relative to the folder; empty for the folder itself
   */
  default List<String> folders(String path) throws IOException {
    return List.of();
  }

  /** Direct subfolders that this user may not read. */
  default List<String> closedFolders() throws IOException {
    return List.of();
  }

  /**
   * The current state of a file.
   *
   * @throws java.io.FileNotFoundException if it does not exist
   */
  Entry stat(String path) throws IOException;

  /** The bytes of a file from {@code offset} on. */
  InputStream open(String path, long offset) throws IOException;

  /**
   * As {@link #open}, for a reader that takes large blocks and may leave the rest of the file to
   * others.
   */
  default InputStream openForBlocks(String path, long offset) throws IOException {
    return open(path, offset);
  }
}
