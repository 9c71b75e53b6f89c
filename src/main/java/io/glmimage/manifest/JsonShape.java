package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * The keys of JSON values in the same place of all lines, and what is in those values that Spark
 * would change when it infers types. Keys are exact: Spark merges some that differ only in case.
 */
public final class JsonShape implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String place;
  private final TreeMap<String, JsonShape> members = new TreeMap<>();
  private JsonShape items;
  private boolean inexact;

  /** The shape of no line. */
  public JsonShape() {
    this(null);
  }

  private JsonShape(String place) {
    this.place = place;
  }

  /**
   * Adds a line.
   *
   * @param line an object that can be read
   * @param at names the line in messages
   */
  public void add(String line, String at) {
    try (JsonParser parser = JsonObjectLine.FACTORY.createParser(line)) {
      parser.nextToken();
      add(parser, at);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void add(JsonParser parser, String at) throws IOException {
    switch (parser.currentToken()) {
      case START_OBJECT -> {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          JsonShape member =
              members.computeIfAbsent(parser.currentName(), key -> new JsonShape(at));
          parser.nextToken();
          member.add(parser, at);
        }
      }
      case START_ARRAY -> {
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          items = items == null ? new JsonShape(at) : items;
          items.add(parser, at);
        }
      }
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
          inexact = inexact || !DoubleNumbers.keep(parser.getText());
      default -> {}
    }
  }

  /** Adds the lines of another shape. */
  public void add(JsonShape other) {
    inexact |= other.inexact;
    if (other.items != null) {
      items = items == null ? new JsonShape(other.items.place) : items;
      items.add(other.items);
    }
    other.members.forEach(
        (key, member) ->
            members.computeIfAbsent(key, name -> new JsonShape(member.place)).add(member));
  }

  /** The values of each key of the objects here, sorted by key. */
  public Map<String, JsonShape> members() {
    return Collections.unmodifiableMap(members);
  }

  /** The elements of the arrays here, or null. */
  public JsonShape items() {
    return items;
  }

  /** A line that has this value, for messages. */
  public String place() {
    return place;
  }

  /** Whether a number here is not kept by a double. */
  public boolean isInexact() {
    return inexact;
  }

  /** Whether a number here or within these values is not kept by a double. */
  public boolean hasInexact() {
    return inexact
        || (items != null && items.hasInexact())
        || members.values().stream().anyMatch(JsonShape::hasInexact);
  }
}
