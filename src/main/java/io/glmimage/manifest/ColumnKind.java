package io.glmimage.manifest;

/** What a manifest column holds, as far as reading it goes. */
public enum ColumnKind {
  TEXT,
  /** A list of texts. */
  TEXT_LIST,
  /** Whole numbers up to 64 bits. */
  INTEGER,
  /** Exact decimal numbers. */
  DECIMAL,
  /** 32- or 64-bit floating point. */
  FLOATING,
  /** Anything else: passed through only. */
  OTHER
}
