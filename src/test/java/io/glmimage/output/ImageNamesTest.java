package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageNamesTest {
  @ParameterizedTest
  @ValueSource(strings = {"a", "IMG_0001", "r-17.b", "2024"})
  void plainIdsAreUsedAsTheyAre(String id) {
    assertEquals(id + ".png", ImageNames.fileName(id));
  }

  @Test
  void readersRecogniseLettersOfAllScripts() {
    assertTrue(ImageNames.fileName("été-日本-мост").startsWith("été-日本-мост~"));
    assertTrue(ImageNames.fileName("été-日本-мост", ".png", true).startsWith("t_-_-_~"));
    assertEquals("plain", ImageNames.fileName("plain", "", true));
  }

  @Test
  void otherIdsGetDifferentSafeNames() {
    List<String> ids =
        List.of(
            "",
            " ",
            ".",
            "..",
            "../../etc/passwd",
            "a/b",
            "a\\b",
            "a_b/",
            "ü",
            "日本",
            "u\u0308",
            "\uFF0E\uFF0E\uFF0Fx",
            "\u202Egnp.x",
            "\uD83D\uDE00",
            "\uD83D",
            "\uD840\uDC00".repeat(30),
            "_x",
            ".x",
            "-x",
            "x".repeat(101),
            "x".repeat(5000),
            "con",
            "NUL.txt",
            "a b",
            "a  b",
            "a~b",
            "a:b",
            "a\0b",
            "a\nb",
            "%2e%2e",
            "a?b=c");
    Set<String> names = new HashSet<>();
    for (String id : ids) {
      String name = ImageNames.fileName(id);
      assertTrue(
          name.matches("[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}_-]{0,39}~[0-9a-f]{24}\\.png"), name);
      assertEquals(name, ImageNames.fileName(id));
      assertTrue(names.add(name), name);
    }
    for (String id : ids) {
      String name = ImageNames.fileName(id, ".png", true);
      assertTrue(name.matches("[A-Za-z0-9][A-Za-z0-9_-]{0,39}~[0-9a-f]{24}\\.png"), name);
    }
    // A safe name used as an id gets another name.
    for (String name : List.copyOf(names)) {
      assertTrue(names.add(ImageNames.fileName(name.replace(".png", ""))), name);
    }
  }
}
