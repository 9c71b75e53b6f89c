package ai.djl.spark.translator.binary;

import ai.djl.ndarray.NDList;
import ai.djl.translate.Batchifier;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;

/**
 * Replaces the class of this name in the DJL Spark extension, whose BinaryPredictor passes it to a
 * model by default.
 */
public final class NpBinaryTranslator implements Translator<byte[], byte[]> {
  @Override
  public NDList processInput(TranslatorContext context, byte[] input) {
    return NDList.decode(context.getNDManager(), input);
  }

  @Override
  public byte[] processOutput(TranslatorContext context, NDList list) {
    return list.encode();
  }

  @Override
  public Batchifier getBatchifier() {
    return null;
  }
}
