package io.glmimage.io;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/** A folder of files, on a local disk or any Hadoop file system, that is only read. */
public interface FileSource {
  /**
   * One file.
   *
   * @param path relative to the folder, parts divided by {@code /}
   * @param size bytes
   * @param version changes when the file is replaced: modification time, and the entity tag where
   *     the store has one
   */
  record Entry(String path, long size, String version) {}

  /** The folder as people know it. */
  String name();

  /** The files in the folder and in its direct subfolders; hidden ones are left out. */
  List<Entry> list() throws IOException;

  /**
   * The file as it is now.
   *
   * @throws java.io.FileNotFoundException if it is gone
   */
  Entry stat(String path) throws IOException;

  /** The file's bytes from {@code offset} on. */
  InputStream open(String path, long offset) throws IOException;
}
