package io.glmimage.io;

import io.glmimage.error.GlmImageException;
import java.io.FileNotFoundException;
import java.net.URI;
import java.nio.file.FileSystemException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.fs.Path;

/**
 * What libraries say about a failure, as far as words in it may decide. The names of files belong
 * to users and may contain any words, such as an operating system's phrase for a full disk.
 */
final class LibraryText {
  private static final Pattern SCHEME = Pattern.compile("^[A-Za-z][\\w+.-]*:(?://[^/]*)?(?=/)");

  private LibraryText() {}

  /**
   * One text for each cause, the error first: its class and its message without the names of files.
   * The text is empty for exceptions of this program, which explain themselves. It is only the
   * class for a missing file, because the class says what happened.
   *
   * @param paths that the failed action used, in any form; may be null
   */
  static List<String> of(Throwable error, String... paths) {
    List<Throwable> causes = PlaceFailures.causes(error);
    List<String> names = names(causes, paths);
    return causes.stream().map(cause -> of(cause, names)).toList();
  }

  private static String of(Throwable cause, List<String> names) {
    if (cause instanceof GlmImageException || cause instanceof LastingException) {
      return "";
    }
    String message = String.valueOf(cause.getMessage());
    Throwable below = cause.getCause();
    if (cause instanceof FileSystemException failure) {
      message = failure.getReason() == null ? "" : failure.getReason();
    } else if (below != null && below != cause) {
      // Many exceptions repeat their cause, whose own text is judged by itself.
      message = message.replace(below.toString(), "");
    }
    for (String name : names) {
      message = message.replace(name, "");
    }
    if (cause instanceof FileNotFoundException) {
      // Java's own form is "path (reason)", also where a disk is full.
      int open = message.endsWith(")") ? message.lastIndexOf(" (") : -1;
      message = open < 0 ? "" : message.substring(open + 2, message.length() - 1);
    }
    return cause.getClass().getName() + ": " + message;
  }

  /** The forms in which messages name the files of an action, the longest first. */
  private static List<String> names(List<Throwable> causes, String... paths) {
    Set<String> names = new LinkedHashSet<>();
    for (String path : paths) {
      addForms(names, path);
    }
    for (Throwable cause : causes) {
      if (cause instanceof FileSystemException failure) {
        addForms(names, failure.getFile());
        addForms(names, failure.getOtherFile());
      }
    }
    List<String> sorted = new ArrayList<>(names);
    sorted.sort((a, b) -> b.length() - a.length());
    return sorted;
  }

  /** Paths are found below any scheme and folder: a message may have them qualified. */
  private static void addForms(Set<String> names, String path) {
    if (path == null) {
      return;
    }
    String decoded = Locations.decoded(path);
    for (String form : List.of(path, decoded)) {
      String bare = SCHEME.matcher(form).replaceFirst("");
      for (String part : bare.split("/", -1)) {
        // With the slash, because a name alone may be the very words of a library.
        addForm(names, "/" + part);
      }
      addForm(names, bare.startsWith("/") ? bare : "/" + bare);
      if (bare.contains("/") || bare.contains(".")) {
        addForm(names, bare);
      }
    }
  }

  private static void addForm(Set<String> names, String form) {
    if (form.length() > 1) {
      URI uri = new Path(null, null, form).toUri();
      Stream.of(form, uri.getRawPath(), uri.toASCIIString())
          .filter(name -> name.length() > 1)
          .forEach(names::add);
    }
  }
}
