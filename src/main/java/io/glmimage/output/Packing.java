package io.glmimage.output;

/** What is made of the pictures when all are done. */
public enum Packing {
  /** Nothing: one file for each picture. */
  FILES,
  /** WebDataset shards: tar files of pictures, texts and JSON. */
  WEBDATASET,
  /** A table with the pictures in a binary column. */
  PARQUET
}
