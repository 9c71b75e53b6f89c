package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonLayoutTest {
  private static String problem(String text) throws IOException {
    return JsonLayout.problem(new StringReader(text), "prompt");
  }

  private static void assertNamed(String what, String text) throws IOException {
    for (String start : new String[] {"", "\uFEFF", "\n \n"}) {
      for (String end : new String[] {"\n", "\r\n", "\r"}) {
        String problem = problem(start + text.replace("\n", end));
        assertNotNull(problem, text);
        assertTrue(problem.contains(what), problem);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\n  \"prompt\": \"p\"\n}\n",
        "{\n\t\"a\": [\n 1,\n 2]\n}",
        "{\"sizes\": [\n  64,\n  64\n], \"prompt\": \"p\"}",
        "{\"boxes\": [\n  {\"x\": 1},\n  {\"x\": 2}\n], \"prompt\": \"p\"}",
        "{\"box\":\n  {\"x\": 1},\n  \"prompt\": \"p\"}",
        "{ \"prompt\": \"p\"\n, \"id\": 1\n}\n{ \"prompt\": \"q\"\n}",
        "{\"prompt\": \"p\",\n\"x\": true,\n\"y\":"
      })
  void objectsOverSeveralLinesAreNamed(String text) throws IOException {
    assertNamed("several lines", text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"[{\"prompt\":\"p\"}]", "[\n{\"prompt\":\"p\"}\n]", "[\n1,2]", "[", "[]", "[ {"})
  void arraysAreNamed(String text) throws IOException {
    assertNamed("JSON array", text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"prompt\":{\"0\":\"p\",\"1\":\"q\"},\"image_paths\":{\"0\":null}}",
        "{\"columns\":[\"prompt\"],\"index\":[0],\"data\":[[\"p\"]]}",
        "{\"0\":{\"prompt\":\"p\"},\"1\":{\"prompt\":\"q\"}}"
      })
  void tablesInOneObjectAreNamed(String text) throws IOException {
    assertNamed("holds a whole table", text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // Good lines.
        "{\"prompt\":\"p\"}\n{\"prompt\":\"q\"}",
        "{\"prompt\":\"p\",\"m\":{\"a\":[1,{}]}}",
        // Broken lines, which fail alone.
        "{\"prompt\":{\"0\":\"p\"}}\n{\"prompt\":\"q\"}",
        "{\"id\":1,\n{\"id\":2}\n",
        "{\"id\":1,\"x\":\n{\"id\":2}\n",
        "{\"id\":1,\"x\":\n{\"id\":2}\n{\"id\":3}\n",
        "{\"id\":1,\"x\":[\n{\"id\":2}\n{\"id\":3}\n",
        "{\"id\":1,\"prompt\":\"cut\n{\"id\":2}\n",
        "{\n{\"id\":2}\n",
        "[1,2]\n{\"id\":2}\n",
        "x\n{\"id\":2}\n",
        "{\"a\":01}\n{\"id\":2}\n"
      })
  void linesAreLeftToTheirReader(String text) throws IOException {
    assertNull(problem(text));
  }

  @Test
  void blankFilesAreNamed() throws IOException {
    assertNamed("all its lines are blank", "");
    assertNamed("all its lines are blank", " \n\t\n");
  }

  @Test
  @Tag("slow")
  void aLongValueIsNotHeldInMemory() throws IOException {
    // More characters than a Java text can have.
    String start = "{\n\"image_paths\":\"";
    long characters = (1L << 31) + 10;
    Reader endless =
        new Reader() {
          private long position;

          @Override
          public int read(char[] target, int offset, int length) {
            if (position == characters) {
              return -1;
            }
            int count = (int) Math.min(length, characters - position);
            for (int i = 0; i < count; i++, position++) {
              target[offset + i] = position < start.length() ? start.charAt((int) position) : 'A';
            }
            return count;
          }

          @Override
          public void close() {}
        };
    assertEquals(problem("{\n\"x\":1}"), JsonLayout.problem(endless, "prompt"));
  }
}
