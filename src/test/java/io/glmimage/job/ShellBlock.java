package io.glmimage.job;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A block of shell commands in a page.
 *
 * @param page the file
 * @param needs what the commands need that a test has not, such as {@code a GPU}; null if nothing
 * @param text as in the page
 */
record ShellBlock(Path page, String needs, String text) {
  private static final Pattern BLOCK =
      Pattern.compile("(?m)^ *(?:<!-- needs ([^>]+) -->\n *)?```(\\w*)\n([\\s\\S]*?)^ *```");
  private static final Pattern WORD =
      Pattern.compile("(?:\"((?:[^\"\\\\]|\\\\.)*)\"|'([^']*)'|([^\\s\"'])|(\\s+))");

  /** The blocks of a page that are shell commands, in order. */
  static List<ShellBlock> of(Path page) throws IOException {
    List<ShellBlock> blocks = new ArrayList<>();
    for (MatchResult block : BLOCK.matcher(Files.readString(page)).results().toList()) {
      if (block.group(2).matches("sh|bash|shell|console|")) {
        blocks.add(new ShellBlock(page, block.group(1), block.group(3)));
      }
    }
    return blocks;
  }

  /** The commands, each as one line. */
  List<String> commands() {
    List<String> commands = new ArrayList<>();
    for (String line : text.replace("\\\n", " ").split("\n")) {
      String command = line.replaceFirst("(^|\\s)#.*$", "").strip();
      if (!command.isEmpty()) {
        commands.add(command);
      }
    }
    return commands;
  }

  /** The words of a command, without quotation marks. */
  static List<String> words(String command) {
    List<String> words = new ArrayList<>();
    StringBuilder word = null;
    Matcher part = WORD.matcher(command);
    while (part.find()) {
      if (part.group(4) != null) {
        if (word != null) {
          words.add(word.toString());
        }
        word = null;
        continue;
      }
      word = word == null ? new StringBuilder() : word;
      String quoted = part.group(1) == null ? part.group(2) : part.group(1);
      word.append(quoted == null ? part.group(3) : quoted);
    }
    if (word != null) {
      words.add(word.toString());
    }
    return words;
  }
}
