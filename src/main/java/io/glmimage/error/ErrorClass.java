package io.glmimage.error;

/**
 * The reason for a row's failure, as written in the result table's {@code error_class}. Names are
 * stable.
 */
public enum ErrorClass {
  /** A value of the row is missing or out of range: prompt, size, steps, guidance, seed, path. */
  INVALID_ROW,
  /** A source image does not exist. */
  IMAGE_NOT_FOUND,
  /** A source image exists but cannot be read: permissions, network, too large a file. */
  IMAGE_UNREADABLE,
  /** A source image was read but cannot be decoded: corrupt data, unknown format. */
  IMAGE_INVALID,
  /** The model refuses the request: unsupported aspect ratio or size. */
  REQUEST_REFUSED,
  /** The device has too little memory for this row alone. */
  OUT_OF_MEMORY,
  /** The model failed on this row for another reason. */
  MODEL_ERROR,
  /**
   * The process that edited the row died at every attempt: a crash in native code, out of memory.
   */
  PROCESS_CRASH
}
