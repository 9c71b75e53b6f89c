"""Writes the Parquet manifests of ParquetManifestTest, as pandas and pyarrow users write them.

Usage: python make_parquet_manifests.py FOLDER      (src/test/resources/manifests/parquet)
Needs pyarrow (fixtures made with 26.0).
"""

import datetime
import os
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = sys.argv[1]


def write(name, columns, **options):
    path = os.path.join(ROOT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def rows(start, **columns):
    """Two rows, with more or other columns."""
    n = next((len(values) for values in columns.values() if values is not None), 2)
    base = {
        "id": pa.array([f"{start}{i}" for i in range(n)]),
        "prompt": pa.array(["paint it red"] * n),
        "image_paths": pa.array(["a.png"] * n),
    }
    base.update(columns)
    return {name: values for name, values in base.items() if values is not None}


shutil.rmtree(ROOT, ignore_errors=True)

# Columns that differ between files.
write("more-columns/p0.parquet", rows("a"))
write("more-columns/p1.parquet", rows("b", seed=pa.array([7, 8]), label=pa.array(["x", "y"])))
write("nulls/p0.parquet", rows("a", seed=pa.nulls(2), label=pa.nulls(2), image_paths=pa.nulls(2)))
write("nulls/p1.parquet", rows("b", seed=pa.array([7, 8]), label=pa.array(["x", "y"])))
write("all-null/p0.parquet", rows("a", label=pa.array([None, None], pa.int32())))
write("all-null/p1.parquet", rows("b", label=pa.array(["x", "y"])))
write("text-to-image.parquet", rows("a", image_paths=pa.nulls(2), seed=pa.nulls(2)))
write("null-lists.parquet", rows("a", image_paths=pa.array([[], None])))
write("numbers/p0.parquet", rows("a", seed=pa.array([7, 8], pa.int32()), guidance_scale=pa.array([1.1, 2], pa.float32())))
write("numbers/p1.parquet", rows("b", seed=pa.array([9.0, None]), guidance_scale=pa.array([1.1, 2.0])))
write("numbers/p2.parquet", rows("c", seed=pa.array([1 << 40, 3]), guidance_scale=pa.array([1, 2])))
write("inexact/p0.parquet", rows("a", seed=pa.array([(1 << 60) + 1, 8])))
write("inexact/p1.parquet", rows("b", seed=pa.array([9.0, None])))
write("lists/p0.parquet", rows("a", image_paths=pa.array(["a.png", " "])))
write("lists/p1.parquet", rows("b", image_paths=pa.array([["b.png", "c.png"], []])))
write("ids/p0.parquet", rows("a", id=pa.array([7, 8])))
write("ids/p1.parquet", rows("b", id=pa.array(["007", "x"])))
write("ids/p2.parquet", rows("c", id=pa.array([(1 << 64) - 1, 9], pa.uint64())))
write("kinds/p0.parquet", rows("a"))
write("kinds/p1.parquet", rows("b", image_paths=pa.array([["a.png"], []])))
write("kinds/p2.parquet", rows("c", image_paths=pa.array([b"x", b"y"])))
write("conflict/p0.parquet", rows("a", label=pa.array([1, 2])))
write("conflict/p1.parquet", rows("b", label=pa.array(["x", "y"])))
write("no-paths/p0.parquet", rows("a"))
write("no-paths/p1.parquet", rows("b", image_paths=None))
pq.write_table(pa.table({}), os.path.join(ROOT, "no-columns.parquet"))
pq.write_table(pa.table([["p"], ["q"], ["a.png"]], ["prompt", "prompt", "image_paths"]), os.path.join(ROOT, "two-prompts.parquet"))
write("two-cases.parquet", rows("a", label=pa.array(["x", "y"]), Label=pa.array(["p", "q"])))
write("nested-cases.parquet", rows("a", label=pa.array([{"k": 1, "K": 2}] * 2)))
write("partitions/id=007/p.parquet", rows("a", id=None, seed=pa.array([1])))
write("partitions/id=1e3/p.parquet", rows("b", id=None, seed=pa.array([2.0])))

# Types that Spark cannot read.
now = datetime.datetime(2024, 5, 6, 7, 8, 9)
write("nanoseconds.parquet", rows("a", created=pa.array([now, now], pa.timestamp("ns"))))
write("time64.parquet", rows("a", created=pa.array([1, 2], pa.time64("ns"))))
write("float16.parquet", rows("a", score=pa.array([1, 2], pa.float32()).cast(pa.float16())))
write("brotli.parquet", rows("a", label=pa.array(["x", "y"])), compression={"id": "snappy", "prompt": "snappy", "image_paths": "snappy", "label": "brotli"})
write("brotli-prompt.parquet", rows("a"), compression="brotli")

# Other forms of the same values.
dictionary = pa.array(["paint it red"] * 2).dictionary_encode()
write("forms.parquet", rows("a", id=pa.array([7, 8], pa.uint64()), prompt=dictionary, image_paths=pa.array([["a.png"]] * 2, pa.large_list(pa.large_string())), seed=pa.array([1, 2], pa.uint32()), height=pa.array([64, 96], pa.decimal128(5, 0)), size=pa.array([{"w": 1, "n": None}] * 2), when=pa.array([now, now], pa.timestamp("us")), __index_level_0__=pa.array([0, 1])), use_compliant_nested_type=False)

# Broken files.
shutil.copytree(os.path.join(ROOT, "more-columns"), os.path.join(ROOT, "empty-file"))
open(os.path.join(ROOT, "empty-file/p2.parquet"), "wb").close()
shutil.copytree(os.path.join(ROOT, "more-columns"), os.path.join(ROOT, "half-file"))
with open(os.path.join(ROOT, "half-file/p1.parquet"), "r+b") as half:
    half.truncate(400)
