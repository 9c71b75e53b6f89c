package io.glmimage.manifest;

/**
 * A column of a manifest.
 *
 * @param name as written in the file
 * @param kind how its values are read
 * @param type the type's name, for messages
 */
public record ManifestColumn(String name, ColumnKind kind, String type) {}
