package io.glmimage.manifest;

/** What the values of a manifest column are. */
public enum ColumnKind {
  TEXT,
  /** A list of texts. */
  TEXT_LIST,
  /** Whole numbers of up to 64 bits. */
  INTEGER,
  /** Exact decimal numbers. */
  DECIMAL,
  /** 32-bit or 64-bit floating point numbers. */
  FLOATING,
  /** Any other type, which no field accepts; the column can only pass through. */
  OTHER
}
