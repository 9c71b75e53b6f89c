package io.glmimage.jinja;

import java.util.List;

/** A sequence that Python prints in round brackets. */
record Tuple(List<Object> items) {}
