"""Compiles every CUDA kernel of the project with NVRTC for GPUs that are not here.

    python compile_kernels.py FOLDER_OF_LIBNVRTC [sm_80 sm_86 sm_89 sm_90 sm_100 sm_120] [--keep FOLDER]

Needs no GPU and no driver; libnvrtc.so.13 comes with the package nvidia-cuda-nvrtc. Prints the registers and spilled bytes
of each kernel. Exits with 1 if a kernel does not compile, or does not export the size of its structure Args. With --keep,
writes the compiled kernels to a folder.
"""

import argparse
import ctypes
import glob
import os
import re
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

# A100; A10G, RTX 30; L4, L40S, RTX 40; H100, H200; B200; RTX 50.
TARGETS = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"]
KERNELS = Path(__file__).resolve().parents[2] / "main" / "resources" / "kernels"


def constants():
    """The compiler options that the job passes: one definition for each line of constants.properties."""
    lines = (KERNELS / "constants.properties").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line.strip() and not line.startswith("#")]
    return [f"-D{name.strip()}={value.strip()}" for name, value in pairs]


def symbols(cubin):
    """The sizes of all symbols of an ELF file of 64 bits, by name."""
    table, = struct.unpack_from("<Q", cubin, 40)
    entry_size, count = struct.unpack_from("<HH", cubin, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", cubin, table + i * entry_size) for i in range(count)]
    sizes = {}
    for section in sections:
        if section[1] != 2:  # SHT_SYMTAB
            continue
        names = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], section[9]):
            name, _, _, _, _, size = struct.unpack_from("<IBBHQQ", cubin, at)
            end = cubin.index(b"\0", names + name)
            sizes[cubin[names + name:end].decode()] = size
    return sizes


class Nvrtc:
    def __init__(self, folder):
        found = glob.glob(os.path.join(folder, "**", "libnvrtc.so.*"), recursive=True)
        if not found:
            sys.exit(f"Cannot find libnvrtc.so.* under {folder}")
        # The compiler opens its built-in functions by name.
        for builtins in glob.glob(os.path.join(os.path.dirname(found[0]), "libnvrtc-builtins.so.*")):
            ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
        self.nvrtc = ctypes.CDLL(found[0])

    def compile(self, source, target):
        """Returns (the machine code or None, the compiler's log)."""
        program = ctypes.c_void_p()
        code = self.nvrtc.nvrtcCreateProgram(
            ctypes.byref(program), source.read_bytes(), source.name.encode(), 0, None, None)
        if code != 0:
            return None, f"nvrtcCreateProgram: {code}"
        options = [f"--gpu-architecture={target}", "--std=c++17", f"--include-path={KERNELS}", "--ptxas-options=-v"]
        options += constants()
        code = self.nvrtc.nvrtcCompileProgram(
            program, len(options), (ctypes.c_char_p * len(options))(*[o.encode() for o in options]))
        size = ctypes.c_size_t()
        self.nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self.nvrtc.nvrtcGetProgramLog(program, log)
        self.nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
        cubin = ctypes.create_string_buffer(size.value)
        if code == 0:
            self.nvrtc.nvrtcGetCUBIN(program, cubin)
        self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
        return cubin.raw if code == 0 and size.value > 0 else None, log.value.decode()


def check(nvrtc, source, target, keep):
    """Compiles one kernel text for one target; returns whether that went well."""
    cubin, log = nvrtc.compile(source, target)
    if cubin is None:
        print(f"{source.name} {target}: does not compile\n{log}")
        return False
    size = symbols(cubin).get("argsSize", 0)
    if size == 0:
        print(f"{source.name} {target}: EXPORT_ARGS_SIZE is missing after struct Args")
        return False
    registers = [int(n) for n in re.findall(r"Used (\d+) registers", log)]
    spilled = sum(int(n) for n in re.findall(r"(\d+) bytes spill", log))
    print(f"{source.name} {target}: {len(registers)} entries, at most {max(registers, default=0)} registers, "
          f"{spilled} bytes spilled, {size} bytes of arguments")
    if keep:
        Path(keep, f"{source.stem}.{target}.cubin").write_bytes(cubin)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("targets", nargs="*", default=TARGETS)
    parser.add_argument("--keep")
    options = parser.parse_args()
    nvrtc = Nvrtc(options.folder)
    sources = sorted(KERNELS.glob("*.cu"))
    # The compiler runs outside Python's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(
            lambda work: check(nvrtc, *work, options.keep), product(sources, options.targets)))
    failed = results.count(False)
    print(f"{len(sources)} kernel texts, {len(options.targets)} targets, {failed} failures")
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
