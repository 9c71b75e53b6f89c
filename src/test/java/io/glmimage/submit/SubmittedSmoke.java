package io.glmimage.submit;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.image.WebpEncoder;
import io.glmimage.jinja.JinjaTemplate;
import io.glmimage.tensor.Libtorch;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine;

/**
 * The program that {@link SparkSubmitTest} submits with the job jar. In Spark tasks it uses each of
 * the jar's libraries that has native code, plug-ins or classes that Spark has as well, and prints
 * a line for each result.
 */
public final class SubmittedSmoke {
  private SubmittedSmoke() {}

  public static void main(String[] args) throws ClassNotFoundException {
    SparkSession spark = SparkSession.builder().appName("smoke").getOrCreate();
    try {
      System.out.println("picocli=" + CommandLine.VERSION);
      System.out.println("gson=" + Class.forName("io.glmimage.shaded.gson.Gson").getName());
      List<String> lines =
          spark
              .range(0, 4, 1, 2)
              .mapPartitions(
                  (MapPartitionsFunction<Long, String>) SubmittedSmoke::inTask, Encoders.STRING())
              .collectAsList();
      new TreeSet<>(lines).forEach(System.out::println);
    } finally {
      // Not close(), which throws an IOException in Spark 4 but not in Spark 3.
      spark.stop();
    }
  }

  private static Iterator<String> inTask(Iterator<Long> rows) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(
        "loader=" + Thread.currentThread().getContextClassLoader().getClass().getSimpleName());
    Libtorch.load();
    try (PointerScope scope = new PointerScope()) {
      while (rows.hasNext()) {
        Tensor product = torch.ones(rows.next() + 1, 8).matmul(torch.ones(8, 8));
        lines.add("libtorch=" + product.sum().item_float() / product.numel());
      }
    }
    for (String format : List.of("jpeg", "tiff", "bmp")) {
      boolean twelveMonkeys = false;
      for (var readers = ImageIO.getImageReadersByFormatName(format); readers.hasNext(); ) {
        twelveMonkeys |= readers.next().getClass().getName().startsWith("com.twelvemonkeys.");
      }
      lines.add("reader." + format + "=" + twelveMonkeys);
    }
    byte[] webp = WebpEncoder.webp(new RgbImage(4, 8, new byte[4 * 8 * 3]), 90, Map.of());
    RgbImage image = ImageDecoder.decode(webp, "image.webp");
    lines.add("webp=" + image.width() + " x " + image.height());
    lines.add(
        "template="
            + JinjaTemplate.parse(
                    "{% for w in words %}{{ w | upper }}{{ '-' if not loop.last }}{% endfor %}")
                .render(Map.of("words", List.of("a", "b"))));
    try (InputStream json =
            SubmittedSmoke.class.getResourceAsStream(
                "/models/glm-image-tiny/processor/tokenizer.json");
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(json, Map.of())) {
      lines.add(
          "tokens=" + Arrays.toString(tokenizer.encode("a red circle", false, false).getIds()));
    }
    return lines.iterator();
  }
}
