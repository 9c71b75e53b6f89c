package io.glmimage.manifest;

/**
 * A column of a manifest.
 *
 * @param name name in the file
 * @param kind kind of the values
 * @param type name of the type, for messages
 */
public record ManifestColumn(String name, ColumnKind kind, String type) {}
