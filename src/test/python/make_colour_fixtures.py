"""Writes small images with colour profiles or transparency, and beside each the sRGB pixels that are right for it.

Needs Pillow 13 and numpy, and Little CMS 2.14 as a shared library (Debian: liblcms2-2):

    python src/test/python/make_colour_fixtures.py src/test/resources

The profiles are made here from their definitions. Little CMS converts in floating point and without its optimisations;
printers' profiles with the relative colorimetric intent, others with the perceptual one, never with black point
compensation. NAME.rgb holds height and width as two big-endian 32-bit integers, then the RGB bytes; deflated.
NAME.white.rgb has the pixels on a white background.
"""

import ctypes
import ctypes.util
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

lcms = ctypes.CDLL(ctypes.util.find_library("lcms2"))
for name in ("cmsOpenProfileFromMem", "cmsCreate_sRGBProfile", "cmsCreateTransform"):
    getattr(lcms, name).restype = ctypes.c_void_p
lcms.cmsCreateTransform.argtypes = [ctypes.c_void_p, ctypes.c_uint32] * 2 + [ctypes.c_uint32] * 2
lcms.cmsDoTransform.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
SRGB = lcms.cmsCreate_sRGBProfile()
NO_OPTIMISATION = 0x0100 | 0x0040
PERCEPTUAL, RELATIVE = 0, 1
GREY, RGB, CMYK = 3, 4, 6

# ---- profiles -------------------------------------------------------------------------------------------------------

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65_XY = (0.3127, 0.3290)
D50_XY = (0.3457, 0.3585)


def xyz_of(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def colorants(red, green, blue, white):
    """XYZ of the primaries, adapted to D50; rows: red, green, blue."""
    primaries = np.stack([xyz_of(*p) for p in (red, green, blue)], axis=1)
    w = xyz_of(*white)
    matrix = primaries * np.linalg.solve(primaries, w)
    cone = (BRADFORD @ D50) / (BRADFORD @ w)
    return (np.linalg.inv(BRADFORD) @ np.diag(cone) @ BRADFORD @ matrix).T


def fixed(values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def xyz(values):
    return b"XYZ \0\0\0\0" + fixed(values)


def gamma_table(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def parametric(*values):
    return b"para\0\0\0\0" + struct.pack(">HH", {1: 0, 5: 3}[len(values)], 0) + fixed(values)


def srgb_table():
    v = np.arange(1024) / 1023
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I", 1024) + np.round(linear * 65535).astype(">u2").tobytes()


def text(value):
    return b"text\0\0\0\0" + value + b"\0"


def profile(kind, space, pcs, tags, version=0x02400000):
    tags = {**tags, b"wtpt": xyz(D50), b"cprt": text(b"Public domain")}
    data, offset, table = b"", 128 + 4 + 12 * len(tags), b""
    for signature, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += signature + struct.pack(">II", offset + len(data), len(value))
        data += value
    size = offset + len(data)
    header = struct.pack(">I4sI", size, b"\0" * 4, version) + kind + space + pcs
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + fixed(D50) + b"\0" * 48
    assert len(header) == 128
    return header + struct.pack(">I", len(tags)) + table + data


def matrix(primaries, white, curve, version=0x02400000):
    r, g, b = colorants(*primaries, white)
    tags = {b"rXYZ": xyz(r), b"gXYZ": xyz(g), b"bXYZ": xyz(b), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags, version)


BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
P3 = matrix(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65_XY, parametric(*SRGB_CURVE), 0x04000000)
ADOBE = matrix(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65_XY, gamma_table(563 / 256))
PROPHOTO = matrix(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), D50_XY, gamma_table(1.8))
SRGB_V2 = matrix(BT709, D65_XY, srgb_table())
SRGB_V4 = matrix(BT709, D65_XY, parametric(*SRGB_CURVE), 0x04000000)
GREY_18 = profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": gamma_table(1.8)})
GREY_LINEAR = profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": parametric(1.0)}, 0x04000000)


def lab_of(colour):
    """Lab of XYZ with D50 white."""
    t = colour / D50
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def lut8(inputs, grid, lab):
    """A table of the type lut8 from a lattice of colours to Lab."""
    values = np.stack([lab[..., 0] * 2.55, lab[..., 1] + 128, lab[..., 2] + 128], -1)
    table = np.round(values).clip(0, 255).astype(np.uint8).reshape(-1, 3)
    ramp = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([inputs, 3, grid, 0]) + fixed([1, 0, 0, 0, 1, 0, 0, 0, 1])
    return head + ramp * inputs + table.tobytes() + ramp * 3


def inks(grid, black):
    """Colours of four inks by a simple model. The last axis of the lattice changes fastest."""
    ramp = np.linspace(0, 1, grid)
    c, m, y, k = np.meshgrid(ramp, ramp, ramp, ramp, indexing="ij")
    red = (1 - 0.92 * c) * (1 - 0.10 * m) * (1 - 0.02 * y)
    green = (1 - 0.35 * c) * (1 - 0.85 * m) * (1 - 0.08 * y)
    blue = (1 - 0.15 * c) * (1 - 0.40 * m) * (1 - 0.90 * y)
    rgb = np.stack([red, green, blue], -1) * (1 - (1 - black) * k[..., None])
    return lab_of(rgb**1.8 @ colorants(*BT709, D65_XY))


# The perceptual table is lighter, so that a wrong intent shows.
PRINTER = profile(
    b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut8(4, 5, inks(5, 0.4)), b"A2B1": lut8(4, 5, inks(5, 0.08))}
)
ramp9 = np.linspace(0, 1, 9)
cube = np.stack(np.meshgrid(ramp9, ramp9, ramp9, indexing="ij"), -1)
SCANNER = profile(
    b"scnr", b"RGB ", b"Lab ", {b"A2B0": lut8(3, 9, lab_of((cube**1.6) @ colorants(*BT709, D65_XY) * 0.9))}
)

# ---- images ---------------------------------------------------------------------------------------------------------

H, W = 24, 36
yy, xx = np.mgrid[0:H, 0:W]
smooth = np.stack([7 * xx, 255 - 10 * yy, 128 + 100 * np.sin(xx / 5) * np.cos(yy / 4)], -1).clip(0, 255)
smooth = smooth.astype(np.uint8)
for i, patch in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128)]):
    smooth[2:7, 6 * i : 6 * i + 6] = patch
rgb = Image.fromarray(smooth)
grey = Image.fromarray(smooth[..., 2])
alpha = Image.fromarray((7 * xx + 3 * yy).clip(0, 255).astype(np.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
smooth16 = smooth.astype(np.uint16) * 257
smooth16[10:] = (smooth16[10:] * 0.93 + 77 * xx[10:, :, None]).clip(0, 65535).astype(np.uint16)
grey16 = (yy * 2600 + xx * 137).clip(0, 65535).astype(np.uint16)

out = Path(sys.argv[1]) / "colours"
out.mkdir(exist_ok=True)


def write(name, pixels, suffix=".rgb"):
    pixels = np.ascontiguousarray(pixels)
    data = struct.pack(">II", *pixels.shape[:2]) + pixels.tobytes()
    (out / (name + suffix)).write_bytes(zlib.compress(data, 9))


def converted(samples, icc, space, intent=PERCEPTUAL):
    """Samples [height, width, channels] of 8 or 16 bits in sRGB, not yet rounded, 0 to 1."""
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    samples = np.ascontiguousarray(samples)
    source = lcms.cmsOpenProfileFromMem(ctypes.c_char_p(icc), len(icc))
    assert source
    kind = space << 16 | channels << 3 | samples.itemsize
    to_float = 1 << 22 | RGB << 16 | 3 << 3 | 4
    transform = lcms.cmsCreateTransform(source, kind, SRGB, to_float, intent, NO_OPTIMISATION)
    assert transform
    result = np.zeros((*samples.shape[:2], 3), np.float32)
    lcms.cmsDoTransform(transform, samples.ctypes.data, result.ctypes.data, samples.shape[0] * samples.shape[1])
    return result.clip(0, 1)


def rounded(colours):
    return np.floor(colours * 255 + 0.5).astype(np.uint8)


def stored(name):
    return np.asarray(Image.open(out / name))


def save(name, image, icc, space=RGB, intent=PERCEPTUAL, **options):
    image.save(out / name, icc_profile=icc, **options)
    write(name, rounded(converted(stored(name), icc, space, intent)))


def png(name, colour, depth, rows, extra):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, depth, colour, 0, 0, 0))
    data += b"".join(chunk(kind, content) for kind, content in extra)
    (out / name).write_bytes(data + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def iccp(icc):
    return b"iCCP", b"icc\0\0" + zlib.compress(icc, 9)


# JPEG
save("jpeg_p3.jpg", rgb, P3, quality=95, subsampling=0)
save("jpeg_adobe_rgb.jpg", rgb, ADOBE, quality=95, subsampling=0)
save("jpeg_grey_gamma18.jpg", grey, GREY_18, GREY, quality=95)
cmyk = Image.fromarray(np.concatenate([255 - smooth, np.uint8(7 * xx)[..., None] // 2], -1), "CMYK")
cmyk.save(out / "jpeg_cmyk.jpg", icc_profile=PRINTER, quality=95)
write("jpeg_cmyk.jpg", rounded(converted(stored("jpeg_cmyk.jpg"), PRINTER, CMYK, RELATIVE)))
# A camera's Adobe RGB: named by EXIF only.
exif = struct.pack("<2sHIH", b"II", 42, 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 26) + struct.pack("<I", 0)
exif += struct.pack("<H", 2) + struct.pack("<HHIHH", 0xA001, 3, 1, 0xFFFF, 0) + struct.pack("<HHII", 0xA005, 4, 1, 56)
exif += struct.pack("<I", 0) + struct.pack("<H", 1) + struct.pack("<HHI4s", 1, 2, 4, b"R03\0") + struct.pack("<I", 0)
rgb.save(out / "jpeg_adobe_r03.jpg", quality=95, subsampling=0, exif=b"Exif\0\0" + exif)
write("jpeg_adobe_r03.jpg", rounded(converted(stored("jpeg_adobe_r03.jpg"), ADOBE, RGB)))

# PNG
save("png_p3.png", rgb, P3)
save("png_scanner_table.png", rgb, SCANNER)
save("png_grey_gamma18.png", grey, GREY_18, GREY)
palette = rgb.quantize(31)
palette.save(out / "png_palette_p3.png", icc_profile=P3)
write("png_palette_p3.png", rounded(converted(np.asarray(palette.convert("RGB")), P3, RGB)))
grey.save(out / "png_grey_in_p3.png", icc_profile=P3)
write("png_grey_in_p3.png", rounded(converted(np.asarray(grey.convert("RGB")), P3, RGB)))
png("png_prophoto16.png", 2, 16, smooth16.astype(">u2"), [iccp(PROPHOTO)])
write("png_prophoto16.png", rounded(converted(smooth16, PROPHOTO, RGB)))
png("png_grey16_linear.png", 0, 16, grey16.astype(">u2"), [iccp(GREY_LINEAR)])
write("png_grey16_linear.png", rounded(converted(grey16, GREY_LINEAR, GREY)))
png("png_cicp_p3.png", 2, 8, smooth, [(b"cICP", bytes([12, 13, 0, 1]))])
write("png_cicp_p3.png", rounded(converted(smooth, P3, RGB)))
rgba.save(out / "png_rgba_p3.png", icc_profile=P3)
write("png_rgba_p3.png", rounded(converted(smooth, P3, RGB)))
for name, icc in (("png_srgb_v2.png", SRGB_V2), ("png_srgb_v4.png", SRGB_V4)):
    rgb.save(out / name, icc_profile=icc)
    write(name, smooth)

# WebP
save("webp_p3.webp", rgb, P3, lossless=True)

# TIFF
save("tiff_adobe_rgb.tif", rgb, ADOBE, compression="tiff_lzw")
cmyk.save(out / "tiff_cmyk.tif", icc_profile=PRINTER, compression="tiff_lzw")
write("tiff_cmyk.tif", rounded(converted(np.asarray(cmyk), PRINTER, CMYK, RELATIVE)))


def tiff16(name, samples, icc):
    """Uncompressed RGB with 16 bits, which Pillow does not write."""
    tags = [
        (256, 3, 1, W), (257, 3, 1, H), (258, 3, 3, "bits"), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, "pixels"),
        (277, 3, 1, 3), (278, 3, 1, H), (279, 4, 1, W * H * 6), (34675, 7, len(icc), "icc"),
    ]  # fmt: skip
    bits = 8 + 2 + 12 * len(tags) + 4
    places = {"bits": bits, "icc": bits + 6, "pixels": bits + 6 + len(icc)}
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    for tag, kind, count, value in tags:
        data += struct.pack("<HHII", tag, kind, count, places.get(value, value))
    data += struct.pack("<I3H", 0, 16, 16, 16) + icc + samples.astype("<u2").tobytes()
    (out / name).write_bytes(data)


tiff16("tiff_prophoto16.tif", smooth16, PROPHOTO)
write("tiff_prophoto16.tif", rounded(converted(smooth16, PROPHOTO, RGB)))

# BMP with BITMAPV5HEADER and the profile behind the pixels
rows = np.ascontiguousarray(smooth[::-1, :, ::-1]).tobytes()
header = struct.pack("<IiiHHIIiiII", 124, W, H, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
header += b"\0" * 16 + b"DEBM" + b"\0" * 48 + struct.pack("<IIII", 4, 124 + len(rows), len(P3), 0)
(out / "bmp_p3.bmp").write_bytes(
    b"BM" + struct.pack("<IHHI", 14 + 124 + len(rows) + len(P3), 0, 0, 138) + header + rows + P3
)
write("bmp_p3.bmp", rounded(converted(smooth, P3, RGB)))

# ---- metadata -------------------------------------------------------------------------------------------------------

exif = Image.Exif()
exif[0x010E], exif[0x010F], exif[0x0110], exif[0x0112] = "A drawn scene", "Maker", "Model 1", 6
exif[0x0132], exif[0x013B], exif[0x8298], exif[0x011A] = "2026:01:02 03:04:05", "Artist", "Public domain", 300
exif.get_ifd(0x8769).update(
    {
        0x829A: 0.004, 0x829D: 2.8, 0x8827: 200, 0x9003: "2026:01:02 03:04:05", 0x9000: b"0232", 0xA001: 0xFFFF,
        0xA002: 4000, 0xA003: 3000, 0x927C: b"maker note" * 9, 0xA434: "A lens", 0xA433: "ab",
    }  # fmt: skip
)
exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.5), 3: "E", 4: (13.0, 24.0, 36.0), 0: b"\2\3\0\0"})
rgb.crop((0, 0, 16, 8)).save(out / "exif.jpg", quality=90, exif=exif)
rgb.crop((0, 0, 16, 8)).save(out / "exif.png", exif=exif)
rgb.crop((0, 0, 16, 8)).save(out / "exif.webp", exif=exif, lossless=True)
rgb.crop((0, 0, 16, 8)).save(out / "exif.tif", exif=exif)

# ---- transparency ---------------------------------------------------------------------------------------------------


def on_white(colours, opacity):
    """Colours of 8 bits, opacity 0 to 1."""
    a = opacity[..., None]
    return np.floor(colours * a + 255 * (1 - a) + 0.5).astype(np.uint8)


write("png_rgba_p3.png", on_white(rounded(converted(smooth, P3, RGB)), np.asarray(alpha) / 255), ".white.rgb")
png("png_rgb_key.png", 2, 8, smooth, [(b"tRNS", struct.pack(">3H", 0, 255, 0))])
write("png_rgb_key.png", smooth)
write("png_rgb_key.png", on_white(smooth, 1.0 - (smooth == [0, 255, 0]).all(-1)), ".white.rgb")
# BMP with BITMAPV4HEADER and a mask of alpha, which Pillow does not write
bgra = np.dstack([smooth[..., ::-1], np.asarray(alpha)])[::-1]
header = struct.pack("<IiiHHIIiiII", 108, W, H, 1, 32, 3, bgra.size, 2835, 2835, 0, 0)
header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + b"\0" * 48
(out / "bmp_alpha.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 122 + bgra.size, 0, 0, 122) + header + bgra.tobytes())
write("bmp_alpha.bmp", smooth)
write("bmp_alpha.bmp", on_white(smooth, np.asarray(alpha) / 255), ".white.rgb")
images = Path(sys.argv[1]) / "images"
for name in (
    "png_rgb.png", "png_rgba.png", "png_grey_alpha.png", "png_palette_transparent.png", "png_rgba16.png",
    "gif_transparent.gif", "gif_offset.gif", "tiff_raw_rgba.tif", "webp_lossless_alpha.webp", "webp_lossy_alpha.webp",
    "webp_animated_alpha.webp", "webp_animated_offset.webp", "bmp_rgba.bmp",
):  # fmt: skip
    with Image.open(images / name) as opened:
        pixels = np.asarray(ImageOps.exif_transpose(opened).convert("RGBA"))
    write(name, on_white(pixels[..., :3], pixels[..., 3] / 255), ".white.rgb")

# Corpus of the fuzz target of profiles
corpus = Path(sys.argv[1]) / "fuzz" / "colour-profile"
corpus.mkdir(exist_ok=True)
for name, icc in (("p3", P3), ("adobe", ADOBE), ("scanner", SCANNER), ("grey", GREY_18), ("printer", PRINTER)):
    (corpus / (name + ".icc")).write_bytes(icc)
