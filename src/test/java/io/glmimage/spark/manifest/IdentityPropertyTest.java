package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.RowIds;
import io.glmimage.manifest.RowReader;
import io.glmimage.manifest.Texts;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Rows are identified by expressions of Spark SQL as {@link RowReader} identifies single rows. */
@Tag("spark")
class IdentityPropertyTest extends SharedLocalSpark {
  private static final int ROWS = 60;

  /** Blank, visible and odd texts. */
  private static final String[] TEXTS = {
    "",
    " ",
    "\t\n",
    "\u00a0",
    "\u200b\ufeff",
    "\u2800\u3164",
    "\0",
    " a ",
    "\u200bb",
    "\u0130",
    "ä",
    "\ud83d\ude00",
    "\udb40\udd00",
    "\udb40\udc41",
    "row-1",
    "1",
    "01",
    "-0",
    "x-2",
    "x",
    "\u0378"
  };

  private record IdColumn(DataType type, Function<Random, Object> value) {}

  private static final List<IdColumn> IDS =
      Arrays.asList(
          null,
          new IdColumn(DataTypes.StringType, random -> TEXTS[random.nextInt(TEXTS.length)]),
          new IdColumn(DataTypes.StringType, random -> "id " + random.nextInt(1 << 30)),
          new IdColumn(DataTypes.ByteType, random -> (byte) random.nextInt()),
          new IdColumn(DataTypes.LongType, Random::nextLong),
          new IdColumn(
              DataTypes.createDecimalType(20, 0),
              random -> BigDecimal.valueOf(random.nextLong()).multiply(BigDecimal.TEN)),
          new IdColumn(
              DataTypes.createDecimalType(20, 9),
              random -> BigDecimal.valueOf(random.nextLong() >> random.nextInt(63), 9)),
          new IdColumn(
              DataTypes.createDecimalType(38, 18),
              random -> BigDecimal.valueOf(random.nextInt(3), 18)));

  /** Writes files of some rows each, of which some are equal. */
  private Path manifest(Random random, IdColumn id) {
    boolean list = random.nextBoolean();
    boolean oftenNull = random.nextBoolean();
    StructType schema = new StructType().add("other.column", DataTypes.IntegerType);
    if (id != null) {
      schema = schema.add("id", id.type());
    }
    schema =
        schema
            .add("prompt", DataTypes.StringType)
            .add(
                "image_paths",
                list ? DataTypes.createArrayType(DataTypes.StringType) : DataTypes.StringType)
            .add("seed", random.nextBoolean() ? DataTypes.LongType : DataTypes.DoubleType)
            .add("guidance_scale", DataTypes.FloatType);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      if (i > 0 && random.nextInt(4) == 0) {
        Row equal = rows.get(random.nextInt(rows.size()));
        Object[] values = new Object[equal.size()];
        for (int k = 0; k < values.length; k++) {
          values[k] = k == 0 ? i : k == 1 && id != null ? null : equal.get(k);
        }
        rows.add(RowFactory.create(values));
        continue;
      }
      List<Object> values = new ArrayList<>();
      values.add(i);
      if (id != null) {
        values.add(oftenNull && random.nextInt(3) == 0 ? null : id.value().apply(random));
      }
      values.add(random.nextInt(9) == 0 ? null : TEXTS[random.nextInt(TEXTS.length)]);
      String path = TEXTS[random.nextInt(TEXTS.length)];
      values.add(
          random.nextInt(5) == 0
              ? null
              : list ? random.nextBoolean() ? new String[0] : new String[] {path, null} : path);
      values.add(
          random.nextBoolean()
              ? null
              : schema.apply("seed").dataType() == DataTypes.LongType
                  ? (Object) (long) random.nextInt(2)
                  : (Object) (random.nextInt(4) / 2.0));
      values.add(random.nextBoolean() ? null : (Object) 1.1f);
      rows.add(RowFactory.create(values.toArray()));
    }
    Path manifest = folder.resolve("m" + random.nextInt(Integer.MAX_VALUE));
    int from = 0;
    while (from < ROWS) {
      int to = Math.min(ROWS, from + 1 + random.nextInt(ROWS));
      spark
          .session()
          .createDataFrame(rows.subList(from, to), schema)
          .coalesce(1)
          .write()
          .mode(SaveMode.Append)
          .parquet(manifest.toString());
      from = to;
    }
    return manifest;
  }

  /** The rows as {@link RowReader} identifies and checks them, one at a time; or the refusal. */
  private static Object expected(ManifestTable manifest) {
    List<Row> rows = manifest.rows().javaRDD().collect();
    RowReader reader = manifest.reader();
    Map<String, Integer> copies = new HashMap<>();
    Map<String, Integer> named = new TreeMap<>();
    List<Row> planned = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      RowFields fields = new RowFields(rows.get(i), manifest.schema());
      String key = reader.key(fields);
      int copy = copies.merge(key, 1, Integer::sum);
      if (reader.namesItself(fields)) {
        named.merge(key, 1, Integer::sum);
      }
      String id = RowIds.numbered(key, copy);
      planned.add(PlannedRow.of(reader.read(i, id, fields), "model").toRow());
    }
    long repeated = 0;
    Set<String> clashes = new TreeSet<>();
    for (Map.Entry<String, Integer> own : named.entrySet()) {
      int copy = copies.get(own.getKey());
      if (copy > 1) {
        repeated += Math.min(copy - 1, own.getValue());
        clashes.add(own.getKey());
      }
    }
    return repeated == 0 ? texts(planned) : repeated + " " + clashes.size();
  }

  private static List<String> texts(List<Row> rows) {
    return spark.session().createDataFrame(rows, PlannedRow.SCHEMA).collectAsList().stream()
        .map(row -> PlannedRow.of(row).toString())
        .toList();
  }

  @Test
  void invisibleCharactersAreThoseOfTheRowReader() {
    List<String> texts = new ArrayList<>(List.of(TEXTS));
    Random random = new Random(1);
    for (int i = 0; i < 3000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(4); length >= 0; length--) {
        String pool = VisibleText.INVISIBLE;
        int blank =
            pool.codePointAt(
                pool.offsetByCodePoints(0, random.nextInt(pool.codePointCount(0, pool.length()))));
        int any = random.nextInt(0x3100);
        text.appendCodePoint(random.nextInt(5) > 0 ? blank : any);
      }
      texts.add(text.toString());
    }
    Dataset<Row> table = spark.session().createDataset(texts, Encoders.STRING()).toDF("text");
    Set<Boolean> seen = new HashSet<>();
    for (Row row : table.select(col("text"), VisibleText.isIn(col("text"))).collectAsList()) {
      assertEquals(Texts.isBlank(row.getString(0)), !row.getBoolean(1), row.getString(0));
      seen.add(row.getBoolean(1));
    }
    assertEquals(2, seen.size());
  }

  @Test
  void rowsAreIdentifiedAndPlannedAsOneByOne() {
    Map<String, String> settings =
        Map.of(
            "spark.sql.files.maxPartitionBytes",
            "1500",
            // Generated code takes longer to compile than it saves with a few rows.
            "spark.sql.codegen.wholeStage",
            "false",
            "spark.sql.adaptive.enabled",
            "false");
    settings.forEach(spark.session().conf()::set);
    try {
      int refused = 0;
      int partitions = 0;
      for (int seed = 0; seed < IDS.size() + 3; seed++) {
        Random random = new Random(seed);
        ManifestTable manifest = spark.open(manifest(random, IDS.get(seed % IDS.size())));
        partitions = Math.max(partitions, manifest.rows().javaRDD().getNumPartitions());
        Object expected = expected(manifest);
        try {
          IdentifiedRows rows = manifest.identify();
          assertEquals(ROWS, rows.size());
          List<Row> planned =
              rows.planned("model").orderBy(col(InternalColumns.INDEX)).collectAsList();
          List<String> found = planned.stream().map(row -> PlannedRow.of(row).toString()).toList();
          assertEquals(expected, found, "seed " + seed);
        } catch (UsageException e) {
          refused++;
          String[] counts = ((String) expected).split(" ", -1);
          assertTrue(
              e.getMessage()
                  .contains(": " + counts[0] + (counts[0].equals("1") ? " row has" : " rows have")),
              e.getMessage());
        }
      }
      assertTrue(partitions > 3, "partitions: " + partitions);
      assertTrue(refused > 0 && refused < IDS.size(), "refused: " + refused);
    } finally {
      settings.keySet().forEach(spark.session().conf()::unset);
    }
  }
}
