"""Computes the figures that this project gives edited images with scikit-image, as expectations for its tests.

Needs scikit-image 0.26 and numpy:

    python src/test/python/make_quality.py src/test/resources/quality.json

The images are made from formulas in whole numbers, which the test repeats.
"""

import json
import sys

import numpy as np
from scipy.ndimage import uniform_filter
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

SIZES = [(48, 64), (256, 300), (600, 640), (777, 1000)]


def source(height, width):
    y, x = np.mgrid[0:height, 0:width]
    planes = [(3 * x + 2 * y) // 4, (x * y) // 97, 40 * ((x // 16 + y // 16) % 5)]
    return np.stack([p % 256 for p in planes], axis=2).astype(np.uint8)


def noisy(image, strength):
    """Adds a fixed pattern that looks like noise."""
    n = np.arange(image.size, dtype=np.int64).reshape(image.shape)
    noise = (n * n * 31 + n * 7919) % 9973 % (2 * strength + 1) - strength
    return np.clip(image.astype(np.int64) + noise, 0, 255).astype(np.uint8)


def box(image):
    """Sets a rectangle to one colour."""
    out = image.copy()
    height, width = image.shape[:2]
    out[height // 4 : height // 2, width // 3 : width // 2] = (200, 30, 60)
    return out


def shifted(image):
    return np.roll(image, 3, axis=1)


def inverted(image):
    return 255 - image


def reduced(image):
    height, width = image.shape[:2]
    f = max(1, int(min(height, width) / 256 + 0.5))
    height, width = height // f, width // f
    blocks = image[: height * f, : width * f].astype(np.float64).reshape(height, f, width, f, 3)
    return blocks.mean(axis=(1, 3))


def ssim(a, b):
    weights = np.array([0.299, 0.587, 0.114])
    return structural_similarity(
        reduced(a) @ weights, reduced(b) @ weights, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def means(image):
    """The mean of the 5 x 5 pixels around each pixel, of those inside the image."""
    weights = uniform_filter(np.ones(image.shape[:2]), 5, mode="constant")
    planes = [uniform_filter(image[..., c].astype(np.float64), 5, mode="constant") / weights for c in range(3)]
    return np.stack(planes, axis=2)


def delta_e(a, b):
    return np.sqrt(((rgb2lab(means(a) / 255) - rgb2lab(means(b) / 255)) ** 2).sum(axis=2))


def flatness(image):
    small = reduced(image)
    levels = np.floor(small + 0.5)
    middle = [np.sort(levels[..., c].ravel())[(levels[..., c].size + 1) // 2 - 1] for c in range(3)]
    return float((np.abs(small - middle) <= 10).all(axis=2).mean())


def main():
    cases = []
    for height, width in SIZES:
        before = source(height, width)
        for name, after in [
            ("noisy", noisy(before, 12)),
            ("very noisy", noisy(before, 200)),
            ("box", box(before)),
            ("shifted", shifted(before)),
            ("inverted", inverted(before)),
        ]:
            change = delta_e(before, after)
            cases.append(
                {
                    "height": height,
                    "width": width,
                    "edit": name,
                    "ssim": float(ssim(before, after)),
                    "psnr": float(peak_signal_noise_ratio(before, after)),
                    "changed_fraction": float((change >= 10).mean()),
                    "mean_delta_e": float(np.minimum(change, 255 / 12.8).mean()),
                    "flatness": flatness(after),
                }
            )
    with open(sys.argv[1], "w") as out:
        json.dump(cases, out, indent=1)
        out.write("\n")


main()
