package io.glmimage.spark.manifest.create;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.UsageException;
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
  void promptsAreTakenOnce() {
    assertEquals(2, PromptList.of(List.of("a", " a ", "", "b")).prompts().size());
  }
}
