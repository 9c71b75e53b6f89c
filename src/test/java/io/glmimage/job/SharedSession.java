package io.glmimage.job;

import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The Spark session that the tests of a class share, and a folder for each test. */
abstract class SharedSession {
  static Session session;
  static SparkSession spark;

  @TempDir Path folder;

  @BeforeAll
  static void startSession() {
    session = Session.open("local[2]", "test");
    spark = session.spark();
  }

  @AfterAll
  static void stopSession() {
    session.close();
  }
}
