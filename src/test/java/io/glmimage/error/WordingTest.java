package io.glmimage.error;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WordingTest {
  @Test
  void oneIsSingular() {
    assertEquals("1 row", Wording.count(1, "row"));
    assertEquals("0 rows", Wording.count(0, "row"));
    assertEquals("2 images", Wording.count(2, "image"));
  }

  @Test
  void aTextOfUsersStaysOnOneLineAndCannotControlATerminal() {
    assertEquals("été 日本 😀 a\\b", Wording.oneLine("été 日本 😀 a\\b"));
    assertEquals("a\\nRESULT {}\\r\\tb", Wording.oneLine("a\nRESULT {}\r\tb"));
    assertEquals("\\u001b[2J\\u0007\\u0000", Wording.oneLine("\u001b[2J\u0007\0"));
    assertEquals("\\u202egnp.\\u2028", Wording.oneLine("\u202egnp.\u2028"));
  }

  @Test
  void aReasonIsBegunOnce() {
    assertEquals("Cannot edit row a: too large", Wording.rowFailure("a", "too large"));
    assertEquals(
        "Cannot edit row a: too large",
        Wording.rowFailure("a", "Cannot edit row a: Cannot edit request a: too large"));
    assertEquals(
        "Cannot edit row a: Cannot edit request b: x",
        Wording.rowFailure("a", "Cannot edit request b: x"));
  }
}
