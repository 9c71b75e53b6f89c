package io.glmimage.spark.manifest.create;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class PromptListTest {
  @Test
  void templatesGiveEveryCombination() {
    PromptList list =
        PromptList.ofTemplate(
            "make the {object} {color}", List.of("object=car, tree", "color=red,blue"));
    assertEquals(List.of("object", "color"), list.names());
    assertEquals(
        List.of("make the car red", "make the car blue", "make the tree red", "make the tree blue"),
        list.prompts().stream().map(PromptList.Prompt::text).toList());
    assertEquals(List.of("tree", "red"), list.prompts().get(2).values());
    assertEquals(1, PromptList.ofTemplate("plain", List.of()).prompts().size());
  }

  @Test
  void refusesTemplatesAndValuesThatDoNotFit() {
    for (List<String> values :
        List.of(
            List.of("color=red"),
            List.of("object=a", "color=red", "more=x"),
            List.of("object=a", "color="),
            List.of("object=a", "object=b", "color=red"),
            List.of("object", "color=red"))) {
      assertThrows(UsageException.class, () -> PromptList.ofTemplate("{object} {color}", values));
    }
    assertThrows(UsageException.class, () -> PromptList.of(List.of(" ", "")));
  }

  @Test
  void linesOfAFileAreStrictUtf8() throws IOException {
    byte[] good = "\uFEFFé\r\n\nb".getBytes(StandardCharsets.UTF_8);
    assertEquals(List.of("é", "", "b"), PromptList.lines("prompts.txt", good));

    byte[] bad = "a\ncaf\u00e9\nb".getBytes(StandardCharsets.ISO_8859_1);
    assertEquals(
        "Cannot read --prompts-file: line 2 of prompts.txt is not UTF-8 (byte 0xE9); convert the"
            + " file to UTF-8",
        assertThrows(UsageException.class, () -> PromptList.lines("prompts.txt", bad))
            .getMessage());
    byte[] utf16 = "a\nb".getBytes(StandardCharsets.UTF_16);
    assertTrue(
        assertThrows(UsageException.class, () -> PromptList.lines("prompts.txt", utf16))
            .getMessage()
            .contains("it is UTF-16 text"));
  }

  @Test
  void promptsAreTakenOnce() {
    assertEquals(2, PromptList.of(List.of("a", " a ", "", "b")).prompts().size());
  }
}
