package io.glmimage.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;

/** The mappers for all JSON that this program reads and writes. */
public final class Json {
  /** For files of this program and of checkpoints. */
  public static final ObjectMapper MAPPER = mapper();

  /** For text that users write. A repeated name and text after the value are errors. */
  public static final ObjectMapper STRICT =
      mapper()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  /** For files and output that people read. */
  public static final ObjectWriter INDENTED = MAPPER.writerWithDefaultPrettyPrinter();

  private Json() {}

  /** An image is one text, so the length of texts is not limited. */
  private static ObjectMapper mapper() {
    StreamReadConstraints limits =
        StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build();
    return new ObjectMapper(JsonFactory.builder().streamReadConstraints(limits).build());
  }
}
