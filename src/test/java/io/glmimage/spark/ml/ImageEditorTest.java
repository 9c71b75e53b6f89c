package io.glmimage.spark.ml;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.Causes;
import io.glmimage.error.UsageException;
import io.glmimage.image.ColourRules;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.JpegEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.image.WebpEncoder;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.RowIds;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.quality.JudgedImage;
import io.glmimage.quality.QualityFigures;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.ExecutorEngines;
import io.glmimage.spark.engine.FakeEngines;
import io.glmimage.spark.engine.GlmImagePlugin;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.spark.manifest.RowFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.apache.spark.SparkConf;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("djl")
@Tag("spark")
class ImageEditorTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final RgbImage SOURCE = image(60);
  private static final RgbImage OTHER = image(90);

  private static SparkSession spark;

  @TempDir private Path folder;

  /** An {@link ImageEditor} with fake engines. */
  public static final class FakeEditor extends ImageEditor {
    private static final long serialVersionUID = 1L;

    public FakeEditor() {}

    public FakeEditor(String uid) {
      super(uid);
    }

    @Override
    ModelRef model(SparkConf conf) {
      return new FakeEngines(isDefined(modelUrl()) ? getModelUrl() : EngineOptions.EMBEDDED_MODEL);
    }
  }

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .appName("ImageEditorTest")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
    ExecutorEngines.closeAll();
  }

  @AfterEach
  void closeEngines() {
    ExecutorEngines.closeAll();
  }

  private static RgbImage image(int value) {
    byte[] pixels = new byte[32 * 64 * 3];
    Arrays.fill(pixels, (byte) value);
    pixels[1] = 1;
    pixels[2] = 2;
    return new RgbImage(32, 64, pixels);
  }

  private static Row row(Object... values) {
    return RowFactory.create(values);
  }

  private static Dataset<Row> table(DataType image, Row... rows) {
    return spark.createDataFrame(
        List.of(rows),
        new StructType().add("id", "int").add("image", image).add("prompt", "string"));
  }

  private static ImageEditor fake() {
    return new FakeEditor().setInputCols("image").setNumInferenceSteps(3).setSeed(5);
  }

  private static Map<Integer, Row> byId(Dataset<Row> edited) {
    Map<Integer, Row> rows = new HashMap<>();
    for (Row row : edited.collectAsList()) {
      assertNull(rows.put(row.getInt(0), row));
    }
    return rows;
  }

  /** The edited image of a row whose source images have no paths. */
  private static RgbImage expected(String prompt, RgbImage... sources) {
    List<RgbImage> list = List.of(sources);
    return expected(prompt, ContentSeed.of(5, prompt, list), sources);
  }

  private static RgbImage expected(String prompt, long seed, RgbImage... sources) {
    return FakeEngines.image(
        new EditRequest("", prompt, List.of(sources), null, null, 3, 1.5, seed));
  }

  /** The seed that the job with the seed 5 gives a row with these fields. */
  private static long seedOfPaths(String prompt, Path... paths) {
    List<String> list = Arrays.stream(paths).map(Path::toString).toList();
    return RowIds.seed(
        5, RowIds.ofFields(Map.of(ManifestField.PROMPT, prompt, ManifestField.IMAGE_PATHS, list)));
  }

  private static RgbImage image(Row row) {
    assertEquals("OK", row.getAs("status"), () -> row.getAs("error"));
    assertNull(row.getAs("error"));
    return ImageDecoder.decode(row.getAs("edited"), "edited");
  }

  private static void assertImage(RgbImage expected, Row row) {
    assertArrayEquals(expected.pixels(), image(row).pixels());
  }

  private static void assertFailed(String why, Row row) {
    assertEquals("FAILED", row.getAs("status"));
    assertNull(row.getAs("edited"));
    String error = row.getAs("error");
    assertTrue(error.contains(why), error);
  }

  @Test
  void takesPaths() throws IOException {
    Path path = Files.write(folder.resolve("source.png"), ImageEncoder.png(SOURCE));
    String missing = folder.resolve("missing.png").toString();
    Map<Integer, Row> edited =
        byId(
            fake()
                .transform(
                    table(
                        DataTypes.StringType,
                        row(1, path.toString(), "x"),
                        row(2, missing, "x"),
                        row(3, path.toUri().toString(), "x"),
                        row(4, null, "x"),
                        row(5, folder.toString(), "x"))));
    assertImage(expected("x", seedOfPaths("x", path), SOURCE), edited.get(1));
    assertFailed(missing + " does not exist (check column image)", edited.get(2));
    assertEquals("OK", edited.get(3).getAs("status"));
    assertFailed("it has no source image: image null or empty", edited.get(4));
    assertFailed("is a folder (name an image file)", edited.get(5));
  }

  @Test
  void takesArraysOfPaths() throws IOException {
    Path path = Files.write(folder.resolve("source.png"), ImageEncoder.png(SOURCE));
    Path other = Files.write(folder.resolve("other.png"), ImageEncoder.png(OTHER));
    Map<Integer, Row> edited =
        byId(
            fake()
                .transform(
                    table(
                        DataTypes.createArrayType(DataTypes.StringType),
                        row(1, List.of(path.toString(), other.toString()), "x"),
                        row(2, List.of(), "x"))));
    assertImage(expected("x", seedOfPaths("x", path, other), SOURCE, OTHER), edited.get(1));
    assertFailed("it has no source image", edited.get(2));
  }

  @Test
  void takesImageFiles() {
    byte[] file = ImageEncoder.png(SOURCE);
    Map<Integer, Row> edited =
        byId(
            fake()
                .transform(
                    table(
                        DataTypes.BinaryType,
                        row(1, file, "x"),
                        row(2, new byte[] {1, 2}, "x"),
                        row(3, file, null),
                        row(4, file, " "))));
    assertImage(expected("x", SOURCE), edited.get(1));
    assertFailed(
        "Cannot read image in column image: not in a supported image format", edited.get(2));
    assertFailed("its prompt is null", edited.get(3));
    assertFailed("its prompt is empty", edited.get(4));
  }

  @Test
  void takesArraysOfImageFiles() {
    byte[] file = ImageEncoder.png(SOURCE);
    byte[] other = ImageEncoder.png(OTHER);
    Map<Integer, Row> edited =
        byId(
            fake()
                .transform(
                    table(
                        DataTypes.createArrayType(DataTypes.BinaryType),
                        row(1, List.of(file, other), "x"),
                        row(2, Arrays.asList(null, other), "x"))));
    assertImage(expected("x", SOURCE, OTHER), edited.get(1));
    assertImage(expected("x", OTHER), edited.get(2));
  }

  @Test
  void theSeedComesFromTheSeedColumnOrElseTheIdOrElseTheContent() {
    byte[] file = ImageEncoder.png(SOURCE);
    Dataset<Row> rows =
        spark.createDataFrame(
            List.of(
                row(1, file, "x", 9, "r"),
                row(2, file, "x", null, "r"),
                row(3, file, "x", null, " ")),
            new StructType()
                .add("id", "int")
                .add("image", "binary")
                .add("prompt", "string")
                .add("own_seed", "int")
                .add("name", "string"));
    Map<Integer, Row> edited = byId(fake().setSeedCol("own_seed").setIdCol("name").transform(rows));
    assertImage(expected("x", 9, SOURCE), edited.get(1));
    assertImage(expected("x", RowIds.seed(5, "r"), SOURCE), edited.get(2));
    assertImage(expected("x", SOURCE), edited.get(3));
    // A whole number is an id as well.
    edited = byId(fake().setIdCol("id").transform(rows));
    assertImage(expected("x", RowIds.seed(5, "3"), SOURCE), edited.get(3));
  }

  @Test
  void givesEveryFormatOfTheJob() throws IOException {
    Dataset<Row> rows = table(DataTypes.BinaryType, row(1, ImageEncoder.png(SOURCE), "x"));
    RgbImage expected = expected("x", SOURCE);
    Map<String, byte[]> files =
        Map.of(
            "png", ImageEncoder.png(expected),
            "jpeg", JpegEncoder.jpeg(expected, 80, Map.of()),
            "webp", WebpEncoder.webp(expected, 80, Map.of()));
    for (String format : files.keySet()) {
      ImageEditor editor = fake().setImageFormat(format).setQuality(80);
      byte[] edited = byId(editor.transform(rows)).get(1).getAs("edited");
      assertArrayEquals(files.get(format), edited, format);
      Path out = folder.resolve(format);
      editor.setOutputFormat("path").setOutputPath(out.toString());
      String path = byId(editor.transform(rows)).get(1).getAs("edited");
      assertTrue(path.endsWith(format.equals("jpeg") ? ".jpg" : "." + format), path);
      assertArrayEquals(edited, Files.readAllBytes(Path.of(path.substring("file:".length()))));
    }
  }

  @Test
  void anImageThatItsFormatCannotHoldFailsItsRow() {
    RgbImage wide = new RgbImage(1, 16384, new byte[16384 * 3]);
    Dataset<Row> rows = table(DataTypes.BinaryType, row(1, ImageEncoder.png(wide), "x"));
    assertFailed("16384", byId(fake().setImageFormat("webp").transform(rows)).get(1));
  }

  @Test
  void aTaskWhoseRowsAreNotAllAskedForEndsItsThreads() {
    List<Row> many = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      many.add(row(i, ImageEncoder.png(SOURCE), "p" + i));
    }
    Dataset<Row> rows = table(DataTypes.BinaryType, many.toArray(Row[]::new)).coalesce(1);
    int before = FakeEngines.EDITED.get();
    assertEquals(2, fake().setBatchSize(2).transform(rows).limit(2).collectAsList().size());
    int edited = FakeEngines.EDITED.get() - before;
    // The requested rows, and at most two that are read ahead.
    assertTrue(edited >= 2 && edited <= 4, edited + " rows");
    assertEquals(
        List.of(),
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().startsWith("editor-"))
            .toList());
  }

  @Test
  void takesSparksImageSource() throws IOException {
    Files.write(folder.resolve("source.png"), ImageEncoder.png(SOURCE));
    Files.write(folder.resolve("bad.png"), new byte[] {1, 2, 3});
    Dataset<Row> rows =
        spark
            .read()
            .format("image")
            .load(folder.toString())
            .selectExpr("cast(image.height < 0 as int) as id", "image", "'x' as prompt");
    Map<Integer, Row> edited = byId(fake().transform(rows));
    assertImage(expected("x", SOURCE), edited.get(0));
    assertFailed("column image holds an image of mode -1", edited.get(1));
  }

  @Test
  void greyAndAlphaPixelsBecomeRgb() throws RowFailure {
    StructType schema =
        (StructType)
            StructType.fromDDL(
                    "i struct<origin:string,height:int,width:int,nChannels:int,mode:int,data:binary>")
                .fields()[0]
                .dataType();
    Row alpha =
        new org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema(
            new Object[] {"", 1, 1, 4, 24, new byte[] {1, 2, 3, 9}}, schema);
    assertArrayEquals(new byte[] {3, 2, 1}, SparkImage.toRgb(alpha, "i").pixels());
    Row grey =
        new org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema(
            new Object[] {"", 1, 2, 1, 0, new byte[] {7, 8}}, schema);
    assertArrayEquals(new byte[] {7, 7, 7, 8, 8, 8}, SparkImage.toRgb(grey, "i").pixels());
    Row cut =
        new org.apache.spark.sql.catalyst.expressions.GenericRowWithSchema(
            new Object[] {"", 2, 2, 3, 16, new byte[] {7, 8}}, schema);
    assertEquals(
        "column i holds 2 bytes for an image of 2 x 2 pixels with 3 channels",
        assertThrows(RowFailure.class, () -> SparkImage.toRgb(cut, "i")).getMessage());
  }

  @Test
  void failedRowsDoNotAffectTheOthers() {
    byte[] file = ImageEncoder.png(SOURCE);
    Dataset<Row> rows =
        table(
                DataTypes.BinaryType,
                row(1, file, "x"),
                row(2, file, "refuse"),
                row(3, file, "break"),
                row(4, file, "y"))
            .coalesce(1);
    Map<Integer, Row> edited = byId(fake().transform(rows));
    assertEquals(4, edited.size());
    assertImage(expected("x", SOURCE), edited.get(1));
    assertFailed("aspect ratio 5 is over 4", edited.get(2));
    assertFailed("NaN", edited.get(3));
    assertImage(expected("y", SOURCE), edited.get(4));
    assertEquals(
        List.of("id", "image", "prompt", "edited", "status", "error", "figures"),
        List.of(fake().transform(rows).columns()));
    assertNull(edited.get(2).getAs("figures"));
  }

  @Test
  void editedImagesDependOnTheRowAlone() {
    byte[] file = ImageEncoder.png(SOURCE);
    List<Row> many = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      many.add(row(i, file, "p" + i % 18));
    }
    Dataset<Row> rows = table(DataTypes.BinaryType, many.toArray(Row[]::new));
    FakeEngines.LARGEST_BATCH.set(0);
    Map<Integer, Row> one = byId(fake().setBatchSize(7).transform(rows.coalesce(1)));
    assertEquals(7, FakeEngines.LARGEST_BATCH.get());
    Map<Integer, Row> several = byId(fake().setBatchSize(2).transform(rows.repartition(5)));
    for (int i = 0; i < 20; i++) {
      assertImage(image(one.get(i)), several.get(i));
    }
    assertImage(image(one.get(0)), one.get(18));
    assertFalse(
        Arrays.equals(
            image(one.get(0)).pixels(),
            image(byId(fake().setSeed(6).transform(rows)).get(0)).pixels()),
        "the seed matters");
    assertFalse(
        Arrays.equals(
            image(one.get(0)).pixels(),
            image(byId(fake().setStepCache(0.5).transform(rows)).get(0)).pixels()),
        "step caching reaches the engine");
    assertFalse(
        Arrays.equals(
            image(one.get(0)).pixels(),
            image(byId(fake().setSolver("multistep2").transform(rows)).get(0)).pixels()),
        "the solver reaches the engine");
  }

  @Test
  void editsWhenRowsAreAskedForAndLoadsOnce() {
    FakeEngines.OPENED.set(0);
    Dataset<Row> edited =
        fake()
            .transform(
                table(
                        DataTypes.BinaryType,
                        row(1, ImageEncoder.png(SOURCE), "x"),
                        row(2, ImageEncoder.png(SOURCE), "y"))
                    .repartition(2));
    assertEquals(0, FakeEngines.OPENED.get());
    edited.collectAsList();
    edited.collectAsList();
    assertEquals(1, FakeEngines.OPENED.get());
  }

  @Test
  void writesFilesNamedByTheirContent() throws IOException {
    byte[] file = ImageEncoder.png(SOURCE);
    Path out = folder.resolve("out");
    ImageEditor editor = fake().setOutputFormat("path").setOutputPath(out.toString());
    Dataset<Row> rows =
        table(DataTypes.BinaryType, row(1, file, "x"), row(2, file, "x"), row(3, file, "refuse"));
    Map<Integer, Row> edited = byId(editor.transform(rows));
    Map<Integer, Row> again = byId(editor.transform(rows));
    String path = edited.get(1).getAs("edited");
    assertTrue(path.startsWith("file:" + out + "/"), path);
    assertEquals(path, edited.get(2).getAs("edited"));
    assertEquals(path, again.get(1).getAs("edited"));
    assertFailed("aspect ratio", edited.get(3));
    try (var files = Files.list(out)) {
      List<Path> written = files.toList();
      assertEquals(1, written.size());
      assertArrayEquals(
          expected("x", SOURCE).pixels(),
          ImageDecoder.decode(Files.readAllBytes(written.get(0)), "out").pixels());
    }
    assertEquals(
        "Cannot write edited images: the output format is path, but outputPath is not set; set it"
            + " to a folder",
        assertThrows(
                IllegalArgumentException.class,
                () -> fake().setOutputFormat("path").transform(rows))
            .getMessage());
  }

  @Test
  void withoutInputColumnsItMakesImagesFromText() {
    Map<Integer, Row> edited =
        byId(
            new FakeEditor()
                .setHeight(32)
                .setWidth(96)
                .transform(table(DataTypes.StringType, row(1, null, "x"))));
    assertEquals(96, image(edited.get(1)).width());
  }

  @Test
  void columnsAreChecked() {
    StructType schema =
        new StructType()
            .add("image", "string")
            .add("size", "double")
            .add("prompt", "string")
            .add("pixels", "struct<height:int,width:int>")
            .add("status", "int");
    assertSchemaError(
        "there is no input column picture; the columns are image, size, prompt, pixels, status",
        fake().setInputCols("picture"),
        schema);
    assertSchemaError(
        "input column size is of type double, expected string",
        fake().setInputCols("image", "size"),
        schema);
    assertSchemaError(
        "input column pixels is of type struct<", fake().setInputCols("pixels"), schema);
    assertSchemaError("there is no prompt column text", fake().setPromptCol("text"), schema);
    assertSchemaError(
        "prompt column size is of type double, expected string",
        fake().setPromptCol("size"),
        schema);
    assertSchemaError(
        "id column size is of type double, expected string, an integer or a decimal type",
        fake().setIdCol("size"),
        schema);
    assertSchemaError(
        "seed column image is of type string, expected an integer type",
        fake().setSeedCol("image"),
        schema);
    assertSchemaError("the column status exists already", fake(), schema);
    assertSchemaError("the column edited exists already", fake().setStatusCol("edited"), schema);
    StructType out = fake().setStatusCol("state").setOutputFormat("path").transformSchema(schema);
    assertEquals(DataTypes.StringType, out.apply("edited").dataType());
    assertEquals(9, out.size());
    assertEquals(8, fake().setStatusCol("state").setFiguresCol("").transformSchema(schema).size());
    assertSchemaError(
        "the column size exists already",
        fake().setStatusCol("state").setFiguresCol("size"),
        schema);
    assertSchemaError("there is no mask column mask", fake().setMaskCol("mask"), schema);
    assertSchemaError(
        "mask column size is of type double, expected string or binary",
        fake().setMaskCol("size"),
        schema);
  }

  @Test
  void figuresAreThoseOfTheJob() {
    Dataset<Row> rows =
        table(
            DataTypes.BinaryType,
            row(1, ImageEncoder.png(SOURCE), "x"),
            row(2, ImageEncoder.png(SOURCE), "refuse"));
    Map<Integer, Row> edited = byId(fake().transform(rows));
    QualityFigures expected = JudgedImage.of(SOURCE, expected("x", SOURCE), false).figures();
    Row figures = edited.get(1).getAs("figures");
    assertEquals("FLAT", figures.getAs("quality"));
    assertEquals(expected.changedFraction(), figures.getAs("changed_fraction"));
    assertEquals(expected.ssim(), figures.getAs("ssim"));
    assertEquals(expected.psnr(), figures.getAs("psnr"));
    assertEquals(expected.flatness(), figures.<Double>getAs("flatness"));
    assertEquals(ContentSeed.of(5, "x", List.of(SOURCE)), figures.<Long>getAs("seed"));
    assertNull(edited.get(2).getAs("figures"));
    assertFalse(List.of(fake().setFiguresCol("").transform(rows).columns()).contains("figures"));

    // More than one of its pixels must change, and that is all.
    ImageEditor strict = fake().setFiguresCol("found").setMinChange(1).setMaxChange(1);
    Row found = byId(strict.transform(rows)).get(1).getAs("found");
    assertEquals(expected.changedFraction() < 1 ? "UNCHANGED" : "FLAT", found.getAs("quality"));
  }

  @Test
  void flaggedRowsAreEditedAgain() {
    Dataset<Row> rows = table(DataTypes.BinaryType, row(1, ImageEncoder.png(SOURCE), "x"));
    int before = FakeEngines.EDITED.get();
    Row edited = byId(fake().setRetryFlagged(2).transform(rows)).get(1);
    assertEquals(3, FakeEngines.EDITED.get() - before);
    // All images are flat, so the first one is as good as any.
    assertImage(expected("x", SOURCE), edited);
  }

  @Test
  void aMaskThatCannotBeUsedFailsItsRow() throws IOException {
    byte[] file = ImageEncoder.png(SOURCE);
    byte[] white = ImageEncoder.png(mask(32, 64, 255));
    String path = Files.write(folder.resolve("mask.png"), white).toString();
    StructType schema =
        new StructType()
            .add("id", "int")
            .add("image", "binary")
            .add("prompt", "string")
            .add("mask", "binary")
            .add("mask_path", "string");
    Dataset<Row> rows =
        spark.createDataFrame(
            List.of(
                row(1, file, "x", white, path),
                row(2, file, "x", null, " "),
                row(3, file, "x", ImageEncoder.png(mask(32, 32, 255)), "/no/mask.png"),
                row(4, file, "x", ImageEncoder.png(mask(32, 64, 0)), folder.toString()),
                row(5, file, "x", new byte[] {1}, path)),
            schema);
    Map<Integer, Row> files = byId(fake().setMaskCol("mask").transform(rows));
    assertImage(expected("x", SOURCE), files.get(1));
    assertImage(expected("x", SOURCE), files.get(2));
    assertFailed("Cannot use the mask: it is 32 x 32 pixels, but the first source", files.get(3));
    assertFailed("Cannot use the mask: it is empty", files.get(4));
    assertFailed("in the mask column: not in a supported image format", files.get(5));
    Map<Integer, Row> paths = byId(fake().setMaskCol("mask_path").transform(rows));
    assertImage(expected("x", SOURCE), paths.get(1));
    assertImage(expected("x", SOURCE), paths.get(2));
    assertFailed("/no/mask.png does not exist (check the mask column)", paths.get(3));
    assertFailed("is a folder", paths.get(4));
    assertFailed(
        "it has a mask, but there is no source image",
        byId(fake().setInputCols().setHeight(32).setWidth(32).setMaskCol("mask").transform(rows))
            .get(1));
  }

  private static RgbImage mask(int height, int width, int value) {
    byte[] pixels = new byte[height * width * 3];
    Arrays.fill(pixels, (byte) value);
    return new RgbImage(height, width, pixels);
  }

  @Test
  void sourcesAreReadByTheRulesOfColour() throws IOException {
    // One transparent red pixel.
    java.awt.image.BufferedImage clear =
        new java.awt.image.BufferedImage(32, 32, java.awt.image.BufferedImage.TYPE_INT_ARGB);
    clear.setRGB(0, 0, 0x00ff0000);
    java.io.ByteArrayOutputStream file = new java.io.ByteArrayOutputStream();
    assertTrue(javax.imageio.ImageIO.write(clear, "png", file));
    Dataset<Row> rows = table(DataTypes.BinaryType, row(1, file.toByteArray(), "x"));
    for (String transparency : List.of("drop", "white", "#102030")) {
      RgbImage source =
          ImageDecoder.read(file.toByteArray(), "x", ColourRules.of("convert", transparency))
              .image();
      assertImage(
          expected("x", source), byId(fake().setTransparency(transparency).transform(rows)).get(1));
    }
  }

  @Test
  void anOutputWithTooManyPixelsFailsItsRow() {
    Dataset<Row> rows = table(DataTypes.BinaryType, row(1, ImageEncoder.png(SOURCE), "x"));
    ImageEditor editor = fake().setMaxPixels(1024);
    assertFailed("has 2048 pixels", byId(editor.setLargeSources("fail").transform(rows)).get(1));
    assertEquals("OK", byId(editor.setLargeSources("fit").transform(rows)).get(1).getAs("status"));
  }

  private static void assertSchemaError(String why, ImageEditor editor, StructType schema) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> editor.transformSchema(schema));
    assertTrue(e.getMessage().startsWith("Cannot edit: " + why), e.getMessage());
  }

  @Test
  void aPresetGivesTheParametersThatAreNotSet() {
    ImageEditor editor = new ImageEditor();
    assertEquals(50, editor.getNumInferenceSteps());
    assertEquals("euler", editor.getSolver());
    editor.setPreset("fast");
    assertEquals(6, editor.getNumInferenceSteps());
    assertEquals("multistep2", editor.getSolver());
    assertEquals("auto", editor.getPrecision());
    editor.setNumInferenceSteps(9).setPrecision("fp8");
    assertEquals(9, editor.getNumInferenceSteps());
    assertEquals("fp8", editor.getPrecision());
    assertThrows(IllegalArgumentException.class, () -> editor.setPreset("best"));
  }

  @Test
  void parametersAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> fake().setBatchSize(0));
    assertThrows(IllegalArgumentException.class, () -> fake().setNumInferenceSteps(0));
    assertThrows(IllegalArgumentException.class, () -> fake().setGuidanceScale(-1));
    assertThrows(IllegalArgumentException.class, () -> fake().setStepCache(1.5));
    assertThrows(IllegalArgumentException.class, () -> fake().setSolver("heun"));
    assertThrows(IllegalArgumentException.class, () -> fake().setOutputFormat("jpeg"));
    assertThrows(IllegalArgumentException.class, () -> fake().setImageFormat("gif"));
    assertThrows(IllegalArgumentException.class, () -> fake().setQuality(0));
    assertThrows(IllegalArgumentException.class, () -> fake().setDevice("tpu"));
    assertThrows(IllegalArgumentException.class, () -> fake().setWeights("peer"));
    assertThrows(IllegalArgumentException.class, () -> fake().setHeight(16));
    assertThrows(IllegalArgumentException.class, () -> fake().setMinChange(1.5));
    assertThrows(IllegalArgumentException.class, () -> fake().setRetryFlagged(-1));
    assertThrows(IllegalArgumentException.class, () -> fake().setColour("grey"));
    assertThrows(IllegalArgumentException.class, () -> fake().setTransparency("pink"));
    assertThrows(IllegalArgumentException.class, () -> fake().setKeepMetadata("all"));
    assertEquals(
        "Cannot merge adapter: DJL itself loads http://host/model.zip on the executors; do not set"
            + " lora",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    new ImageEditor()
                        .setModelUrl("http://host/model.zip")
                        .setLora("adapter")
                        .model(new SparkConf(false)))
            .getMessage());
    assertEquals(
        "Cannot use weights direct: DJL itself loads http://host/model.zip on the executors; do not"
            + " set weights",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    new ImageEditor()
                        .setModelUrl("http://host/model.zip")
                        .setWeights("direct")
                        .model(new SparkConf(false)))
            .getMessage());
    assertThrows(NoSuchElementException.class, () -> fake().getHeight());
    Dataset<Row> rows = table(DataTypes.StringType, row(1, "a", "x"));
    assertEquals(
        "Cannot load model: adapter " + folder + "/none is not a folder",
        assertThrows(
                UsageException.class,
                () -> new ImageEditor().setLora(folder + "/none=0.5").transform(rows))
            .getMessage());
    assertEquals(
        "Invalid --min-change: 0.5, expected at most --max-change 0.4",
        assertThrows(
                UsageException.class,
                () -> fake().setMinChange(0.5).setMaxChange(0.4).transform(rows))
            .getMessage());
    assertEquals(
        "Cannot load model: missing is not a folder",
        assertThrows(UsageException.class, () -> fake().setModelUrl("missing").transform(rows))
            .getMessage());
    assertEquals(
        "Cannot load model: " + folder + "/none is not a folder",
        assertThrows(
                UsageException.class,
                () -> new ImageEditor().setModelUrl(folder + "/none").transform(rows))
            .getMessage());
  }

  @Test
  void copiesKeepParametersAndTakeNewOnes() {
    ImageEditor editor = fake().setHeight(64);
    ImageEditor copy = editor.copy(new ParamMap().put(editor.width(), 96));
    assertNotEquals(editor, copy);
    assertSame(FakeEditor.class, copy.getClass());
    assertEquals(editor.uid(), copy.uid());
    assertEquals(List.of(64, 96), List.of(copy.getHeight(), copy.getWidth()));
    assertFalse(editor.isDefined(editor.width()));
    assertEquals(38, editor.params().length);
    for (Param<?> param : editor.params()) {
      assertEquals(editor.uid(), param.parent(), param.name());
      assertTrue(editor.hasParam(param.name()));
    }
  }

  @Test
  void isSavedAndLoadedAloneAndInAPipeline() throws IOException {
    ImageEditor editor =
        new ImageEditor()
            .setInputCols("a", "b")
            .setGuidanceScale(2.5)
            .setStepCache(0.1)
            .setSolver("euler")
            .setHeight(64)
            .setSeed(1L << 40)
            .setModelUrl("s3a://bucket/GLM-Image")
            .setDevice("cuda:1")
            .setPrecision("fp8")
            .setIdCol("name")
            .setSeedCol("own")
            .setImageFormat("webp")
            .setQuality(70)
            .setWeights("local:/models/GLM-Image")
            .setLora("s3a://bucket/adapter=0.5", "/other")
            .setMaskCol("mask")
            .setFiguresCol("")
            .setColour("ignore")
            .setTransparency("#102030")
            .setKeepMetadata("exif+gps")
            .setMaxPixels(1L << 20)
            .setLargeSources("upscale")
            .setExactSize(false)
            .setMinChange(0.01)
            .setMaxChange(0.5)
            .setRetryFlagged(3)
            .setKeepUnchanged(true)
            .setOutputFormat("path");
    editor.write().overwrite().save(folder + "/editor");
    ImageEditor loaded = ImageEditor.load(folder + "/editor");
    assertEquals(editor.uid(), loaded.uid());
    assertArrayEquals(editor.getInputCols(), loaded.getInputCols());
    assertEquals(values(editor), values(loaded));
    assertEquals(List.of("a", "b"), values(loaded).get("inputCols"));

    new Pipeline().setStages(new PipelineStage[] {editor}).save(folder + "/pipeline");
    PipelineStage stage = Pipeline.load(folder + "/pipeline").getStages()[0];
    assertEquals(values(editor), values(stage));
  }

  private static Map<String, Object> values(PipelineStage stage) {
    Map<String, Object> values = new HashMap<>();
    for (Param<?> param : stage.params()) {
      if (stage.isDefined(param)) {
        Object value = stage.getOrDefault(param);
        values.put(param.name(), value instanceof Object[] array ? List.of(array) : value);
      }
    }
    return values;
  }

  @Test
  void modelsThatDoNotLoadFailTheSparkJob() {
    Dataset<Row> edited =
        new ImageEditor()
            .setInputCols("image")
            .setEngine("Nonesuch")
            .transform(table(DataTypes.BinaryType, row(1, ImageEncoder.png(SOURCE), "x")));
    Exception e = assertThrows(Exception.class, edited::collectAsList);
    assertTrue(
        Causes.root(e).getMessage().startsWith("Cannot load model glm-image-tiny"),
        () -> Causes.root(e).toString());
  }

  @Test
  void onAClusterTheDemonstrationModelMustBeNamed() {
    for (String master : List.of("yarn", "spark://host:7077", "local-cluster[2,1,1024]")) {
      SparkConf cluster = new SparkConf(false).setMaster(master);
      UsageException failure =
          assertThrows(UsageException.class, () -> new ImageEditor().model(cluster));
      assertTrue(
          failure.getMessage().startsWith("Cannot edit on a cluster without modelUrl"),
          failure.getMessage());
      assertNotNull(new ImageEditor().setModelUrl("demo").model(cluster));
    }
    for (String master : List.of("local", "local[*]", "local[4,2]")) {
      assertNotNull(new ImageEditor().model(new SparkConf(false).setMaster(master)));
    }
  }

  @Test
  void weightsComeFromTheEditorOrElseFromTheSession() {
    SparkConf conf =
        new SparkConf(false)
            .set(GlmImagePlugin.WEIGHTS, "direct")
            .set(GlmImagePlugin.CACHE, "/cache")
            .set(GlmImagePlugin.MODEL, "s3a://bucket/another");
    ImageEditor editor = new ImageEditor().setModelUrl("s3a://bucket/GLM-Image").setDevice("cpu");
    EngineOptions session = ((CheckpointModel) editor.model(conf)).options();
    assertEquals("s3a://bucket/GLM-Image", session.model());
    assertEquals("direct", session.weights().toString());
    assertEquals("/cache", session.cache().cacheDir());
    EngineOptions own = ((CheckpointModel) editor.setWeights("local:/m").model(conf)).options();
    assertEquals("local:/m", own.weights().toString());
    ModelRef plain = new ImageEditor().model(new SparkConf(false));
    assertEquals("broadcast", ((CheckpointModel) plain).options().weights().toString());
  }

  @Test
  void anUnchangedModelIsDistributedOnceInASession() throws IOException {
    Path model = folder.resolve("model");
    try (var files = Files.walk(MODEL)) {
      for (Path file : files.filter(f -> !f.toString().contains("examples")).toList()) {
        Files.copy(file, model.resolve(MODEL.relativize(file).toString()));
      }
    }
    ModelRef editor = new ImageEditor().setModelUrl(model.toString()).model(new SparkConf(false));
    EngineOpener first = editor.forSession(spark);
    assertSame(first, editor.forSession(spark));

    // A transform after a change uses the changed model.
    Files.setLastModifiedTime(model.resolve("vae/config.json"), FileTime.fromMillis(1000));
    EngineOpener changed = editor.forSession(spark);
    assertNotEquals(first, changed);
    assertSame(changed, editor.forSession(spark));
  }

  @Test
  void aModelFolderGivesTheImagesOfTheEmbeddedModel() throws IOException {
    byte[] file = Files.readAllBytes(MODEL.resolve("examples/01_recolor_green.png"));
    Dataset<Row> rows = table(DataTypes.BinaryType, row(1, file, "make it green"));
    ImageEditor editor =
        new ImageEditor()
            .setInputCols("image")
            .setDevice("cpu")
            .setNumInferenceSteps(1)
            .setHeight(64)
            .setWidth(64);
    byte[] embedded = byId(editor.transform(rows)).get(1).getAs("edited");
    for (String weights : List.of("broadcast", "direct", "local:" + MODEL.toAbsolutePath())) {
      ImageEditor own = editor.copy(new ParamMap()).setModelUrl("" + MODEL).setWeights(weights);
      assertArrayEquals(embedded, byId(own.transform(rows)).get(1).getAs("edited"), weights);
    }
    Exception e =
        assertThrows(
            Exception.class,
            () ->
                editor
                    .setModelUrl("" + MODEL)
                    .setWeights("local:" + folder + "/none")
                    .transform(rows)
                    .collectAsList());
    assertTrue(
        Causes.root(e).getMessage().contains("there is no such folder"),
        () -> Causes.root(e).toString());
  }

  @Test
  void theEmbeddedModelEditsInAPipeline() throws IOException {
    byte[] file = Files.readAllBytes(MODEL.resolve("examples/01_recolor_green.png"));
    RgbImage source = ImageDecoder.decode(file, "source");
    String prompt = "Change the color of the circle to green";
    ImageEditor editor =
        new ImageEditor()
            .setInputCols("image")
            .setDevice("cpu")
            .setNumInferenceSteps(2)
            .setHeight(64)
            .setWidth(64);
    Dataset<Row> rows =
        table(
            DataTypes.BinaryType,
            row(1, file, prompt),
            row(2, new byte[] {0}, prompt),
            row(3, file, "do nothing"));
    PipelineModel pipeline = new Pipeline().setStages(new PipelineStage[] {editor}).fit(rows);
    Map<Integer, Row> edited = byId(pipeline.transform(rows));
    assertFailed("Cannot read image in column image", edited.get(2));
    try (GlmImageEngine engine = GlmImageEngine.load(MODEL, "cpu")) {
      for (int id : List.of(1, 3)) {
        String text = edited.get(id).getAs("prompt");
        long seed = ContentSeed.of(0, text, List.of(source));
        EditRequest request = new EditRequest("r", text, List.of(source), 64, 64, 2, 1.5, seed);
        assertImage(engine.edit(List.of(request)).get(0).image(), edited.get(id));
      }
    }
  }
}
