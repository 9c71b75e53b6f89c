"""Runs transformers' GLM-Image image processor with configurations like the published one, as expectations for the
tests of this project: mean and standard deviation 0.5, min_pixels and max_pixels instead of size, and keys left out.

Needs transformers 5.17.0, torch 2.13 (CPU) and torchvision 0.28:

    python src/test/python/make_image_processor.py src/test/resources/image-processor.json

The images are made from a formula, which the test repeats. Of the pixel values, the grid, a checksum of the resized
8-bit image and every n-th value are kept.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers.models.glm_image.image_processing_glm_image import GlmImageImageProcessor

PUBLISHED = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "image_processor_type": "GlmImageImageProcessor",
    "max_pixels": 4194304,
    "merge_size": 1,
    "min_pixels": 262144,
    "patch_size": 16,
    "processor_class": "GlmImageProcessor",
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "temporal_patch_size": 1,
}


def without(*keys, **others):
    return {key: value for key, value in {**PUBLISHED, **others}.items() if key not in keys}


CONFIGURATIONS = {
    "published": PUBLISHED,
    "small limits": without(min_pixels=4096, max_pixels=65536),
    "only min_pixels": without("max_pixels", min_pixels=4096),
    "only max_pixels": without("min_pixels", max_pixels=65536),
    "no limits": without("min_pixels", "max_pixels"),
    "size": without("min_pixels", "max_pixels", size={"shortest_edge": 4096, "longest_edge": 65536}),
    "size and limits": without(
        min_pixels=16384, max_pixels=65536, size={"shortest_edge": 4096, "longest_edge": 40000}
    ),
    "no mean": without("image_mean", "image_std", min_pixels=4096, max_pixels=65536),
    "no steps": without(
        "do_normalize", "do_rescale", "do_resize", "resample", "rescale_factor", min_pixels=4096, max_pixels=65536
    ),
    "no patches": without("patch_size", "merge_size", "temporal_patch_size", min_pixels=4096, max_pixels=65536),
    "three means": without(image_mean=[0.1, 0.5, 0.9], image_std=[0.25, 0.5, 1.0], min_pixels=4096, max_pixels=65536),
}

# Height and width: below the smallest side, between the limits, above the largest side, both; narrow ones.
SMALL = [(40, 56), (64, 96), (100, 90), (200, 256), (300, 200), (600, 150), (257, 1000), (33, 130)]
SIZES = {"published": [(100, 120), (300, 700), (512, 512), (640, 480), (1000, 1500), (2304, 1200), (700, 2600)]}


def pixels(height, width):
    """The image of the formula: (height, width, 3), 8 bits."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * x // 7 + y * 5 + x * y // 11 + c * 85) % 256).astype(np.uint8)


def resized(values, grid, mean, std, patch, merge, frames):
    """The resized 8-bit image: (height, width, 3), from the pixel values."""
    rows, columns = grid
    blocks = values.reshape(rows // merge, columns // merge, merge, merge, 3, frames, patch, patch)
    image = np.ascontiguousarray(blocks[:, :, :, :, :, 0].transpose(0, 2, 5, 1, 3, 6, 4)).reshape(
        rows * patch, columns * patch, 3
    )
    exact = (image.astype(np.float64) * std + mean) * 255
    whole = np.rint(exact)
    assert np.abs(exact - whole).max() < 1e-3
    return whole.astype(np.uint8)


def main():
    torch.set_num_threads(1)
    cases = []
    # The reference changes this mapping of the class when a configuration has min_pixels or max_pixels without size.
    default_size = dict(GlmImageImageProcessor.size)
    for name, configuration in CONFIGURATIONS.items():
        GlmImageImageProcessor.size = dict(default_size)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "preprocessor_config.json").write_text(json.dumps(configuration))
            processor = GlmImageImageProcessor.from_pretrained(folder)
        for height, width in SIZES.get(name, SMALL):
            case = {"configuration": name, "height": height, "width": width}
            cases.append(case)
            try:
                out = processor(images=[pixels(height, width)], return_tensors="pt")
            except ValueError as error:
                case["error"] = str(error)
                continue
            values = out["pixel_values"].numpy()
            grid = out["image_grid_thw"][0].tolist()
            image = resized(
                values,
                grid[1:],
                np.array(processor.image_mean),
                np.array(processor.image_std),
                processor.patch_size,
                processor.merge_size,
                processor.temporal_patch_size,
            )
            every = max(1, values.size // 97)
            case.update(
                grid=grid,
                shape=list(values.shape),
                resized=list(image.shape[:2]),
                resized_sha256=hashlib.sha256(image.tobytes()).hexdigest(),
                every=every,
                values=[float(f"{value:.9g}") for value in values.reshape(-1)[::every]],
            )
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump({"configurations": CONFIGURATIONS, "cases": cases}, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
