package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.spark.TinySpark;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SessionTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "local | local[1,2]",
        "local[4] | local[4,2]",
        "local[*] | local[*,2]",
        "local[ 4 , 7 ] | local[4,7]",
        "local[*,2] | local[*,2]"
      })
  void aLocalMasterGetsTwoAttempts(String given, String used) {
    assertEquals(used, Session.attempts(given));
  }

  @ParameterizedTest
  @ValueSource(strings = {"yarn", "local[0]", "local[x]", "local[]", "locale", "spark://h:7077"})
  void anotherMasterIsRefused(String master) {
    String message =
        assertThrows(UsageException.class, () -> Session.attempts(master)).getMessage();
    assertTrue(message.startsWith("Invalid --master: " + master + ", expected local[N]"), message);
  }

  @Test
  void theUmaskIsThatOfTheProcess(@TempDir Path folder) {
    String umask = LocalPlaces.umask(folder).orElse("022");
    assertTrue(umask.matches("[0-7]{3}"), umask);
  }

  @Test
  @Tag("spark")
  void settingsThatDecideAboutDataAreFixedWhileACommandRuns() {
    SparkSession first = TinySpark.session();
    try {
      SparkSession spark = first.newSession();
      set(spark, "spark.sql.caseSensitive", "true");
      set(spark, "spark.sql.session.timeZone", "Asia/Kolkata");
      set(spark, "spark.sql.parquet.compression.codec", "gzip");
      set(spark, "spark.sql.unknown", "kept");
      try (SessionSettings settings = SessionSettings.fix(spark)) {
        assertEquals("false", spark.conf().get("spark.sql.caseSensitive"));
        assertEquals("UTC", spark.conf().get("spark.sql.session.timeZone"));
        assertEquals("false", spark.conf().get("spark.sql.ansi.enabled"));
        assertEquals("gzip", spark.conf().get("spark.sql.parquet.compression.codec"));
        assertEquals("kept", spark.conf().get("spark.sql.unknown"));
      }
      assertEquals("true", spark.conf().get("spark.sql.caseSensitive"));
      assertEquals("Asia/Kolkata", spark.conf().get("spark.sql.session.timeZone"));
      assertFalse(spark.conf().getAll().contains("spark.sql.ansi.enabled"));
    } finally {
      first.stop();
    }
  }

  @Test
  void settingsThatSparkRefusesAreAWrongCommand() {
    UsageException refused =
        assertThrows(
            UsageException.class,
            () ->
                Session.started(
                    () -> {
                      throw new IllegalArgumentException("Required executor memory is too much");
                    }));
    assertEquals("Cannot start Spark: Required executor memory is too much", refused.getMessage());
  }

  private static void set(SparkSession spark, String key, String value) {
    spark.conf().set(key, value);
  }
}
