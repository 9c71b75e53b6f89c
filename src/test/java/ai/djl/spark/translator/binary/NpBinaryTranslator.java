package ai.djl.spark.translator.binary;

import ai.djl.ndarray.NDList;
import ai.djl.translate.Batchifier;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import java.io.Serializable;

/** Replaces the class of this name in the DJL Spark extension, which encodes arrays as NPZ. */
public final class NpBinaryTranslator implements Translator<byte[], byte[]>, Serializable {
  private static final long serialVersionUID = 1L;

  private final Batchifier batchifier;

  /**
   * @param batchifier may be null
   */
  public NpBinaryTranslator(Batchifier batchifier) {
    this.batchifier = batchifier;
  }

  @Override
  public NDList processInput(TranslatorContext context, byte[] input) {
    return NDList.decode(context.getNDManager(), input);
  }

  @Override
  public byte[] processOutput(TranslatorContext context, NDList list) {
    return list.encode(NDList.Encoding.NPZ);
  }

  @Override
  public Batchifier getBatchifier() {
    return batchifier;
  }
}
