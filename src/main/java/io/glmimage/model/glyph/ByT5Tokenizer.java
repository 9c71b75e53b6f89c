package io.glmimage.model.glyph;

import io.glmimage.error.CheckpointException;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Texts to ids without a vocabulary: a UTF-8 byte has the id byte + 3, and 1 ends a text. Only the
 * added tokens of the checkpoint ({@code </s>}, {@code <extra_id_0>} and so on) have ids of their
 * own, if a text spells them out.
 *
 * <p>Ported from transformers src/transformers/models/byt5/tokenization_byt5.py, ByT5Tokenizer, and
 * the splitting at added tokens of its base class (5.17.0). Deviations: none.
 */
final class ByT5Tokenizer {
  /** Padding. Also put in front of texts, see {@link GlyphEncoder}. */
  static final int PAD = 0;

  /** The end of every text. */
  static final int END = 1;

  private static final int FIRST_BYTE = 3;
  private static final int BYTES = 256;

  private final List<AddedToken> added;

  /** Matches any added token, longest first; null if there are none. */
  private final Pattern addedPattern;

  /**
   * A token with an id of its own.
   *
   * @param stripsLeft whether white space before it is removed
   * @param stripsRight whether white space after it is removed
   */
  private record AddedToken(int id, String content, boolean stripsLeft, boolean stripsRight) {}

  private ByT5Tokenizer(List<AddedToken> added) {
    this.added = added;
    addedPattern =
        added.isEmpty()
            ? null
            : Pattern.compile(
                added.stream()
                    .map(AddedToken::content)
                    .sorted(Comparator.comparing(String::length).reversed())
                    .map(Pattern::quote)
                    .collect(Collectors.joining("|")));
  }

  /**
   * Reads {@code tokenizer/tokenizer_config.json} and, if it lists no added tokens, {@code
   * tokenizer/added_tokens.json}.
   *
   * @throws CheckpointException if a file is missing or damaged, or belongs to another tokenizer
   */
  static ByT5Tokenizer load(CheckpointFolder folder) {
    ConfigFile config = folder.config("tokenizer/tokenizer_config.json");
    config.requireText("tokenizer_class", "ByT5Tokenizer");
    List<AddedToken> added = new ArrayList<>();
    if (config.has("added_tokens_decoder")) {
      ConfigFile tokens = config.object("added_tokens_decoder");
      for (String key : tokens.keys()) {
        ConfigFile token = tokens.object(key);
        int id;
        try {
          id = Integer.parseInt(key);
        } catch (NumberFormatException e) {
          throw tokens.error(key, "is not an id");
        }
        add(
            added,
            tokens,
            new AddedToken(
                id,
                token.text("content"),
                token.flag("lstrip", false),
                token.flag("rstrip", false)));
      }
    } else if (Files.exists(folder.file("tokenizer/added_tokens.json"))) {
      ConfigFile tokens = folder.config("tokenizer/added_tokens.json");
      for (String content : tokens.keys()) {
        add(added, tokens, new AddedToken(tokens.integer(content), content, false, false));
      }
    }
    return new ByT5Tokenizer(List.copyOf(added));
  }

  private static void add(List<AddedToken> added, ConfigFile file, AddedToken token) {
    if (token.content().isEmpty() || token.id() < 0) {
      throw file.error(token.content(), token.id() + " is not the id of an added token");
    }
    added.add(token);
  }

  /** One more than the largest possible id. */
  int ids() {
    return added.stream().mapToInt(t -> t.id() + 1).reduce(FIRST_BYTE + BYTES, Math::max);
  }

  /**
   * The ids of a text, at most {@code maxLength}. The last one is always {@link #END}; ids before
   * it are cut if the text is too long. A text that ends with the spelt-out end token gets no
   * second one.
   */
  int[] encode(String text, int maxLength) {
    if (maxLength < 1) {
      throw new IllegalArgumentException("Invalid length: " + maxLength + ", expected at least 1");
    }
    List<Integer> ids = split(text);
    // The reference reserves a place for the end token even if it then adds none.
    int room = maxLength - 1;
    if (ids.size() > room) {
      ids = ids.subList(0, room);
    }
    int[] out = new int[ids.size() + 1];
    for (int i = 0; i < ids.size(); i++) {
      out[i] = ids.get(i);
    }
    if (!ids.isEmpty() && ids.get(ids.size() - 1) == END) {
      return Arrays.copyOf(out, ids.size());
    }
    out[ids.size()] = END;
    return out;
  }

  private List<Integer> split(String text) {
    List<Integer> ids = new ArrayList<>();
    if (addedPattern == null) {
      bytes(text, ids);
      return ids;
    }
    Matcher matcher = addedPattern.matcher(text);
    int from = 0;
    boolean strip = false;
    while (matcher.find()) {
      AddedToken token = named(matcher.group());
      String before = text.substring(from, matcher.start());
      before = strip ? withoutLeadingSpace(before) : before;
      before = token.stripsLeft() ? withoutTrailingSpace(before) : before;
      bytes(before, ids);
      ids.add(token.id());
      from = matcher.end();
      strip = token.stripsRight();
    }
    String rest = text.substring(from);
    bytes(strip ? withoutLeadingSpace(rest) : rest, ids);
    return ids;
  }

  private static String withoutLeadingSpace(String text) {
    int start = 0;
    while (start < text.length() && isSpace(text.charAt(start))) {
      start++;
    }
    return text.substring(start);
  }

  private static String withoutTrailingSpace(String text) {
    int end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  /** Whether Python's strip() removes a character; Java's differs. */
  private static boolean isSpace(char c) {
    return (c >= '\t' && c <= '\r')
        || (c >= 0x1c && c <= 0x20)
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  private AddedToken named(String content) {
    return added.stream().filter(t -> t.content().equals(content)).findFirst().orElseThrow();
  }

  private static void bytes(String text, List<Integer> ids) {
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      ids.add((b & 255) + FIRST_BYTE);
    }
  }
}
