"""Writes the decoder's fixtures: small images, and beside each the pixels that Pillow decodes.

Run once with Pillow 12.3 in this folder: python make_fixtures.py
NAME.rgb holds height and width as two big-endian 32-bit integers, then the RGB bytes, of
convert("RGB") after ImageOps.exif_transpose; deflated.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

H, W = 37, 53
rng = np.random.default_rng(7)
yy, xx = np.mgrid[0:H, 0:W]
smooth = np.stack(
    [
        128 + 100 * np.sin(xx / 9) * np.cos(yy / 7),
        60 + 3 * xx + rng.integers(0, 6, (H, W)),
        255 - 5 * yy - (xx > 25) * 60,
    ],
    axis=-1,
).clip(0, 255).astype(np.uint8)
smooth[8:20, 10:24] = [220, 30, 40]
rgb = Image.fromarray(smooth)
alpha = Image.fromarray((4 * xx + yy).clip(0, 255).astype(np.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
grey = rgb.convert("L")
grey_alpha = Image.merge("LA", [grey, alpha])
palette = rgb.quantize(23)
grey16 = Image.fromarray((yy.astype(np.uint32) * 1700 + xx * 37 + 300).clip(0, 65535).astype(np.uint16))


def save(name, image, **options):
    image.save(name, **options)
    reference(name)


def reference(name):
    with Image.open(name) as opened:
        upright = ImageOps.exif_transpose(opened)
        if upright.mode == "I;16":
            # Pillow's own conversion clips at 255; ours keeps the high byte.
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
        upright = upright.convert("RGB")
    data = struct.pack(">II", upright.height, upright.width) + upright.tobytes()
    with open(name + ".rgb", "wb") as out:
        out.write(zlib.compress(data, 9))


def png(name, width, height, depth, colour, rows, extra=b""):
    """A PNG of kinds that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + row for row in rows)
    with open(name, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n")
        out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)))
        out.write(extra)
        out.write(chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
    reference(name)


# PNG
save("png_rgb.png", rgb)
save("png_rgba.png", rgba)
save("png_grey.png", grey)
save("png_grey_alpha.png", grey_alpha)
save("png_palette.png", palette)
save("png_palette_transparent.png", palette, transparency=3)
save("png_palette4.png", rgb.quantize(11), bits=4)
save("png_bilevel.png", grey.convert("1"))
save("png_grey16.png", grey16)
rgb16 = (smooth.astype(">u2") * 257 - 3 * (smooth > 9)).astype(">u2")
png("png_rgb16.png", W, H, 16, 2, [row.tobytes() for row in rgb16])
rgba16 = np.concatenate([rgb16, np.asarray(alpha).astype(">u2")[..., None] * 257], -1).astype(">u2")
png("png_rgba16.png", W, H, 16, 6, [row.tobytes() for row in rgba16])
la16 = np.stack([np.asarray(grey16), np.asarray(alpha).astype(np.uint16) * 200], -1).astype(">u2")
png("png_grey_alpha16.png", W, H, 16, 4, [row.tobytes() for row in la16])
two_bits = (np.asarray(grey) >> 6)[:, :52].reshape(H, 13, 4)
png("png_grey2.png", 52, H, 2, 0, [bytes((a << 6 | b << 4 | c << 2 | d) & 255 for a, b, c, d in row.tolist()) for row in two_bits])
exif = Image.Exif()
exif[0x0112] = 6
save("png_exif6.png", rgb, exif=exif)

# JPEG
save("jpeg_420.jpg", rgb, quality=90, subsampling=2)
save("jpeg_422.jpg", rgb, quality=90, subsampling=1)
save("jpeg_444.jpg", rgb, quality=90, subsampling=0)
save("jpeg_progressive.jpg", rgb, quality=85, progressive=True)
save("jpeg_grey.jpg", grey, quality=90)
save("jpeg_cmyk.jpg", rgb.convert("CMYK"), quality=90)
save("jpeg_rgb_adobe.jpg", rgb, quality=90, keep_rgb=True)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"jpeg_exif{orientation}.jpg", rgb.crop((0, 0, 31, 18)), quality=85, exif=exif)
# YCCK: the CMYK file's Adobe marker says that its components are luminance and chrominance.
data = bytearray(open("jpeg_cmyk.jpg", "rb").read())
at = data.find(b"Adobe")
if at < 0:
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x02"
    data = data[:2] + marker + data[2:]
else:
    data[at + 11] = 2
open("jpeg_ycck.jpg", "wb").write(data)
reference("jpeg_ycck.jpg")

# WebP
save("webp_lossless.webp", rgb, lossless=True)
save("webp_lossless_alpha.webp", rgba, lossless=True, exact=True)
save("webp_lossy.webp", rgb, quality=85)
save("webp_lossy_alpha.webp", rgba, quality=85)
save("webp_animated.webp", rgb, save_all=True, append_images=[ImageOps.flip(rgb)], quality=80)
even = Image.fromarray(np.ascontiguousarray(np.tile(smooth, (2, 2, 1))[:64, :70]))
save("webp_lossy_even.webp", even, quality=40)
save("webp_lossy_low.webp", rgb, quality=3)
save("webp_lossy_one_pixel.webp", rgb.crop((0, 0, 1, 1)), quality=90)
save("webp_lossless_palette.webp", palette, lossless=True)
flipped = ImageOps.flip(rgba)
save("webp_animated_alpha.webp", rgba, save_all=True, append_images=[flipped], quality=60)
save("webp_animated_lossless.webp", rgba, save_all=True, append_images=[flipped], lossless=True, exact=True)


def webp_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def u24(value):
    return struct.pack("<I", value)[:3]


# A first frame that covers a part of the canvas.
buffer = io.BytesIO()
rgb.save(buffer, "WEBP", quality=70)
frame = u24(4) + u24(3) + u24(W - 1) + u24(H - 1) + u24(100) + b"\0" + buffer.getvalue()[12:]
body = webp_chunk(b"VP8X", bytes([2 | 16, 0, 0, 0]) + u24(69) + u24(59))
body += webp_chunk(b"ANIM", struct.pack("<IH", 0x80102030, 0)) + webp_chunk(b"ANMF", frame)
with open("webp_animated_offset.webp", "wb") as out:
    out.write(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
reference("webp_animated_offset.webp")

# An orientation in XMP instead of EXIF, as an attribute and as an element
packet = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"%s</rdf:RDF></x:xmpmeta>'
)
attribute = packet % ' tiff:Orientation="6"/>'
element = packet % "><tiff:Orientation>8</tiff:Orientation></rdf:Description>"
turned = rgb.crop((0, 0, 31, 18))
save("jpeg_xmp6.jpg", turned, quality=85, xmp=attribute.encode())
save("webp_xmp8.webp", turned, quality=85, xmp=element.encode())
save("tiff_xmp6.tif", turned, tiffinfo={700: attribute.encode()})
info = PngImagePlugin.PngInfo()
info.add_itxt("XML:com.adobe.xmp", element)
save("png_xmp8.png", turned, pnginfo=info)
# EXIF has precedence.
exif = Image.Exif()
exif[0x0112] = 1
save("jpeg_exif1_xmp6.jpg", turned, quality=85, exif=exif, xmp=attribute.encode())

# BMP
save("bmp_rgb.bmp", rgb)
save("bmp_palette.bmp", palette)
save("bmp_grey.bmp", grey)
save("bmp_bilevel.bmp", grey.convert("1"))
save("bmp_rgba.bmp", rgba)

# TIFF
save("tiff_lzw.tif", rgb, compression="tiff_lzw")
save("tiff_deflate.tif", rgb, compression="tiff_adobe_deflate")
save("tiff_raw_rgba.tif", rgba)
save("tiff_packbits_grey.tif", grey, compression="packbits")
save("tiff_grey16.tif", grey16, compression="tiff_lzw")
save("tiff_palette.tif", palette)
save("tiff_group4.tif", grey.convert("1"), compression="group4")
save("tiff_cmyk.tif", rgb.convert("CMYK"), compression="tiff_lzw")
save("tiff_jpeg.tif", rgb, compression="jpeg", quality=90)
save("tiff_orientation8.tif", rgb, tiffinfo={274: 8})

# GIF
frames = [palette, ImageOps.mirror(rgb).quantize(16), ImageOps.flip(rgb).quantize(16)]
frames[0].save("gif_animated.gif", save_all=True, append_images=frames[1:], duration=50, loop=0)
reference("gif_animated.gif")
save("gif_transparent.gif", palette, transparency=2)
save("gif_interlaced.gif", palette, interlace=1)
# A first frame that covers a part of the canvas: the canvas and the frame's place are patched in.
small = bytearray()
buffer = io.BytesIO()
palette.crop((0, 0, 20, 15)).save(buffer, format="GIF")
small = bytearray(buffer.getvalue())
small[6:10] = struct.pack("<HH", 31, 27)
place = small.index(b"\x2c", 13 + 3 * 2 ** ((small[10] & 7) + 1))
small[place + 1 : place + 5] = struct.pack("<HH", 5, 7)
open("gif_offset.gif", "wb").write(small)
reference("gif_offset.gif")
