package io.glmimage.error;

/** Why a row failed, as written in the result table's {@code error_class}. Names are stable. */
public enum ErrorClass {
  /** A value of the row is missing or out of range: prompt, size, steps, guidance, seed, path. */
  INVALID_ROW,
  /** A source image does not exist. */
  IMAGE_NOT_FOUND,
  /** A source image exists but its bytes cannot be read: permissions, network, too large a file. */
  IMAGE_UNREADABLE,
  /** A source image was read but is no picture that can be decoded: corrupt, unknown format. */
  IMAGE_INVALID,
  /** The model refuses the request: an aspect ratio or a size that it cannot take. */
  REQUEST_REFUSED,
  /** The device's memory does not suffice for this row alone. */
  OUT_OF_MEMORY,
  /** The model failed on this row for another reason. */
  MODEL_ERROR,
  /** The process that edited the row died each time: a crash in native code, out of memory. */
  PROCESS_CRASH
}
