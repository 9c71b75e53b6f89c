package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.sql.Date;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Settings of the machine, of Java and of Spark do not change a result. */
@Tag("spark")
class SettingsJobTest extends SharedSession {
  private static final List<String> HOSTILE =
      List.of(
          "-Duser.timezone=Asia/Kolkata",
          "-Duser.language=tr",
          "-Duser.country=TR",
          "-Dspark.master=local[2]",
          "-Dspark.ui.enabled=false",
          "-Dspark.driver.host=localhost",
          "-Dspark.driver.bindAddress=127.0.0.1",
          "-Dspark.sql.session.timeZone=America/St_Johns",
          "-Dspark.sql.ansi.enabled=true",
          "-Dspark.sql.caseSensitive=true",
          "-Dspark.sql.datetime.java8API.enabled=true",
          "-Dspark.sql.timestampType=TIMESTAMP_NTZ",
          "-Dspark.sql.jsonGenerator.ignoreNullFields=false",
          "-Dspark.sql.legacy.timeParserPolicy=LEGACY",
          "-Dspark.sql.legacy.charVarcharAsString=true",
          "-Dspark.sql.sources.partitionOverwriteMode=dynamic",
          "-Dspark.sql.sources.useV1SourceList=",
          "-Dspark.sql.sources.default=json",
          "-Dspark.sql.files.ignoreCorruptFiles=true",
          "-Dspark.sql.files.ignoreMissingFiles=true",
          "-Dspark.sql.files.maxRecordsPerFile=1",
          "-Dspark.sql.files.maxPartitionBytes=2048",
          "-Dspark.sql.parquet.mergeSchema=true",
          "-Dspark.sql.parquet.binaryAsString=true",
          "-Dspark.sql.parquet.writeLegacyFormat=true",
          "-Dspark.sql.parquet.outputTimestampType=TIMESTAMP_MILLIS",
          "-Dspark.sql.parquet.int96RebaseModeInRead=LEGACY",
          "-Dspark.sql.parquet.int96RebaseModeInWrite=LEGACY",
          "-Dspark.sql.parquet.datetimeRebaseModeInRead=LEGACY",
          "-Dspark.sql.parquet.datetimeRebaseModeInWrite=LEGACY",
          "-Dspark.sql.parquet.compression.codec=gzip",
          "-Dspark.sql.adaptive.enabled=false",
          "-Dspark.sql.codegen.wholeStage=true",
          "-Dspark.sql.codegen.factoryMode=FALLBACK",
          "-Dspark.sql.shuffle.partitions=3");

  private void manifest() throws IOException {
    StructType schema =
        new StructType()
            .add("id", DataTypes.StringType)
            .add("PROMPT", DataTypes.StringType)
            .add("image_paths", DataTypes.StringType)
            .add("guidance_scale", DataTypes.DoubleType)
            .add("day", DataTypes.DateType)
            .add("moment", DataTypes.TimestampType)
            .add("price", DataTypes.createDecimalType(12, 3));
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Files.write(folder.resolve("I" + i + ".PNG"), JobConsole.png(64, 96, 30 * i));
      rows.add(
          RowFactory.create(
              "00" + i,
              "MAKE IT " + i,
              "I" + i + ".PNG",
              1.5,
              Date.valueOf(LocalDate.of(1500 + 100 * i, 1, 31)),
              Timestamp.from(Instant.parse("18" + i + "0-07-01T03:04:05.123456Z")),
              i == 3 ? null : new BigDecimal("1234.567")));
    }
    spark
        .createDataFrame(rows, schema)
        // One file: Spark's settings may decide the order of several, and so the rows' positions.
        .coalesce(1)
        .sortWithinPartitions("id")
        .write()
        .parquet(folder + "/rows");
  }

  /** What a run has written, by row, without its times and places. */
  private Map<String, String> rows(String output) {
    Map<String, String> byId = new TreeMap<>();
    JobConsole.results(spark, folder + "/" + output)
        .forEach(
            (id, row) -> {
              List<String> values = new ArrayList<>();
              for (String name : row.schema().fieldNames()) {
                if (!name.endsWith("seconds")
                    && !name.equals("run")
                    && !name.equals("output_path")) {
                  values.add(name + "=" + row.getAs(name));
                }
              }
              byId.put(id, String.join("\n", values));
            });
    return byId;
  }

  @Test
  @Tag("slow")
  void theSameRowsAndImagesUnderHostileSettings() throws IOException, InterruptedException {
    manifest();
    JobConsole plain = new JobConsole();
    String[] more = {"--output-format", "parquet"};
    assertEquals(0, plain.edit(folder + "/rows", folder + "/plain", more), plain::err);
    List<String> arguments =
        List.of(
            "--manifest",
            folder + "/rows",
            "--output",
            folder + "/hostile",
            "--output-format",
            "parquet");
    try (ChildJob hostile = new ChildJob(folder.resolve("hostile.log"), HOSTILE, null, arguments)) {
      assertEquals(0, hostile.exitCode(), hostile.output());
    }

    assertEquals(rows("plain"), rows("hostile"));
    assertEquals(6, rows("plain").size());
    for (int i = 0; i < 6; i++) {
      String image = "images/00" + i + ".png";
      assertArrayEquals(
          Files.readAllBytes(folder.resolve("plain").resolve(image)),
          Files.readAllBytes(folder.resolve("hostile").resolve(image)),
          image);
    }
    List<String> packed = packed("plain");
    assertEquals(packed, packed("hostile"));
    String first =
        packed.stream().filter(row -> row.contains("\"id\":\"000\"")).findFirst().orElseThrow();
    assertTrue(first.contains("1500-01-31"), first);
    assertTrue(first.contains("1800-07-01T03:04:05.123Z"), first);
  }

  /** The packed rows as text, their other columns as JSON included. */
  private List<String> packed(String output) {
    return spark
        .read()
        .parquet(folder + "/" + output + "/pictures")
        .orderBy("row_index")
        .drop("image")
        .toJSON()
        .collectAsList();
  }
}
