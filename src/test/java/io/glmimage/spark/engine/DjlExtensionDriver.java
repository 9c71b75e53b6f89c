package io.glmimage.spark.engine;

import ai.djl.translate.TranslatorFactory;
import io.glmimage.image.ImageDecoder;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.predict.GlmImageTranslatorFactory;
import io.glmimage.request.EditRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.ml.Transformer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Programs that use {@code ai.djl.spark.task.binary.BinaryPredictor}. Its class is looked up by
 * name, because this project does not depend on the DJL Spark extension.
 */
public final class DjlExtensionDriver {
  private static final String PREDICTOR = "ai.djl.spark.task.binary.BinaryPredictor";
  private static final StructType SCHEMA =
      new StructType().add("id", DataTypes.IntegerType).add("request", DataTypes.BinaryType);

  /** The rows of {@link #requests} that the model can edit, and how many rows there are. */
  private static final int GOOD = 5;

  private static final int ROWS = GOOD + 2;

  private final SparkSession spark;
  private final Path model;
  private final List<byte[]> expected;

  private DjlExtensionDriver(SparkSession spark, Path model) {
    this.spark = spark;
    this.model = model;
    try (GlmImageEngine engine = GlmImageEngine.load(model, "cpu")) {
      expected =
          engine
              .edit(
                  IntStream.range(0, GOOD)
                      .mapToObj(
                          i ->
                              new EditRequest("r" + i, "prompt " + i, List.of(), 64, 64, 1, 1.5, i))
                      .toList())
              .stream()
              .map(result -> result.image().pixels())
              .toList();
    }
  }

  /**
   * @param args master, model folder, and {@code choices}, {@code collections} or {@code executors}
   */
  public static void main(String[] args) throws Exception {
    SparkSession spark = SparkSession.builder().appName("djl").master(args[0]).getOrCreate();
    try {
      System.out.println("RESULT app=" + spark.sparkContext().applicationId());
      DjlExtensionDriver driver = new DjlExtensionDriver(spark, Path.of(args[1]));
      switch (args[2]) {
        case "choices" -> driver.choices();
        case "collections" -> driver.collections();
        default -> driver.executors();
      }
    } finally {
      spark.stop();
    }
  }

  /** Batch sizes, batchifiers, translator factories and a serving.properties. */
  private void choices() throws Exception {
    for (String choice : List.of("1 none", "3 stack", "10 padding")) {
      String[] parts = choice.split(" ");
      print(
          "choice " + choice,
          edit(
              "?failures=empty&device=cpu",
              3,
              p -> set(set(p, "BatchSize", Integer.valueOf(parts[0])), "Batchifier", parts[1])));
    }
    print(
        "choice factory",
        edit(
            "?failures=empty&device=cpu",
            2,
            p -> set(p, "TranslatorFactory", new GlmImageTranslatorFactory())));
    // The model folder has a serving.properties with failures=empty.
    print("choice properties", edit("", 1, p -> p));
    print("refused", edit("?device=cuda:3", 1, p -> p));
  }

  /** Many tasks, one after the other, with a garbage collection after each of them. */
  private void collections() throws Exception {
    Dataset<Row> rows =
        spark
            .createDataFrame(requests(), SCHEMA)
            .limit(GOOD)
            .crossJoin(spark.range(4).toDF("copy"))
            .repartition(20);
    long images =
        transform(rows, "?device=cpu", p -> p)
            .mapPartitions(
                (MapPartitionsFunction<Row, Integer>) DjlExtensionDriver::collected, Encoders.INT())
            .filter("value > 0")
            .count();
    System.out.println("RESULT images=" + images);
  }

  private static Iterator<Integer> collected(Iterator<Row> rows) {
    List<Integer> lengths = new ArrayList<>();
    rows.forEachRemaining(row -> lengths.add(row.<byte[]>getAs(row.length() - 1).length));
    System.gc();
    System.runFinalization();
    return lengths.iterator();
  }

  /** Executors in processes of their own, each with an assigned GPU that does not exist. */
  private void executors() throws Exception {
    print("given", edit("?failures=empty&device=cpu", 4, p -> p));
    print("assigned", edit("?failures=empty", 2, p -> p));
    print("lost", edit("?device=cpu", 1, p -> p));
    TreeSet<String> switches =
        new TreeSet<>(
            spark
                .range(0, 4, 1, 4)
                .map(
                    (MapFunction<Long, String>) row -> System.getProperty("OPT_OUT_TRACKING"),
                    Encoders.STRING())
                .collectAsList());
    System.out.println("RESULT offline=" + switches);
  }

  /** {@link #GOOD} requests, a damaged one and a null. */
  private static List<Row> requests() {
    return IntStream.range(0, ROWS)
        .mapToObj(
            i -> {
              String json =
                  "{\"prompt\": \"prompt "
                      + i
                      + "\", \"height\": 64, \"width\": 64, \"num_inference_steps\": 1, \"seed\": "
                      + i
                      + "}";
              byte[] bytes = (i < GOOD ? json : "{").getBytes(StandardCharsets.UTF_8);
              return RowFactory.create(i, i < GOOD + 1 ? bytes : null);
            })
        .toList();
  }

  /** Edits the requests; gives "right", or what is wrong. */
  private String edit(String query, int partitions, UnaryOperator<Object> settings)
      throws Exception {
    Dataset<Row> rows = spark.createDataFrame(requests(), SCHEMA).repartition(partitions);
    List<Row> edited;
    try {
      edited = transform(rows, query, settings).orderBy("id").collectAsList();
    } catch (Exception e) { // Spark throws checked exceptions that its methods do not declare.
      return root(e).replaceAll("\\s+", " ");
    }
    if (edited.size() != ROWS) {
      return edited.size() + " rows";
    }
    for (int i = 0; i < ROWS; i++) {
      byte[] image = edited.get(i).getAs("edited");
      boolean right =
          i < GOOD
              ? Arrays.equals(expected.get(i), ImageDecoder.decode(image, "row " + i).pixels())
              : image.length == 0;
      if (!right) {
        return "row " + i + " has another image";
      }
    }
    return "right";
  }

  private static String root(Throwable problem) {
    Throwable at = problem;
    while (at.getCause() != null) {
      at = at.getCause();
    }
    return at.getMessage();
  }

  private Dataset<Row> transform(Dataset<Row> rows, String query, UnaryOperator<Object> settings)
      throws Exception {
    Object predictor = Class.forName(PREDICTOR).getConstructor().newInstance();
    set(predictor, "Engine", "GlmImage");
    set(predictor, "ModelUrl", model.toUri() + query);
    Object configured = settings.apply(predictor);
    set(configured, "InputCol", "request");
    set(configured, "OutputCol", "edited");
    return ((Transformer) configured).transform(rows);
  }

  private static Object set(Object predictor, String name, Object value) {
    Class<?> type =
        value instanceof Integer
            ? int.class
            : value instanceof TranslatorFactory ? TranslatorFactory.class : value.getClass();
    try {
      return predictor.getClass().getMethod("set" + name, type).invoke(predictor, value);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("Cannot set " + name, e);
    }
  }

  private static void print(String name, String result) {
    System.out.println("RESULT " + name + "=" + result);
  }
}
