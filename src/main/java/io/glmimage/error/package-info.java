/**
 * The failures that the program reports on purpose: exceptions with a message for users, the error
 * classes of failed rows, and the search for a root cause. A message reads "Cannot X: why; what to
 * do" or "Invalid X: value". Which failures to retry is not decided here.
 */
package io.glmimage.error;
