package io.glmimage.jinja;

import java.util.List;

/**
 * What {@code keys()}, {@code values()} and {@code items()} of a mapping give.
 *
 * @param name Python's name of the view
 */
record DictView(String name, List<Object> items) {}
