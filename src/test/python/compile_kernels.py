"""Compiles every CUDA kernel of the project with NVRTC for GPUs that are not here.

    python compile_kernels.py FOLDER_OF_LIBNVRTC [sm_80 sm_89 sm_90]

Needs no GPU and no driver; libnvrtc.so.13 comes with the package nvidia-cuda-nvrtc. Prints what each kernel takes, exits with 1 if one
does not compile.
"""

import ctypes
import glob
import os
import re
import sys
from pathlib import Path

KERNELS = Path(__file__).resolve().parents[2] / "main" / "resources" / "kernels"


class Nvrtc:
    def __init__(self, folder):
        found = glob.glob(os.path.join(folder, "**", "libnvrtc.so.*"), recursive=True)
        if not found:
            sys.exit(f"Cannot find libnvrtc.so.* under {folder}")
        # The compiler opens its built-in functions by name.
        for builtins in glob.glob(os.path.join(os.path.dirname(found[0]), "libnvrtc-builtins.so.*")):
            ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
        self.library = ctypes.CDLL(found[0])

    def compile(self, source, target):
        """Returns (whether it compiled, the compiler's log)."""
        program = ctypes.c_void_p()
        code = self.library.nvrtcCreateProgram(
            ctypes.byref(program), source.read_bytes(), source.name.encode(), 0, None, None)
        if code != 0:
            return False, f"nvrtcCreateProgram: {code}"
        options = [f"--gpu-architecture={target}", "--std=c++17", f"--include-path={KERNELS}", "--ptxas-options=-v"]
        code = self.library.nvrtcCompileProgram(
            program, len(options), (ctypes.c_char_p * len(options))(*[o.encode() for o in options]))
        size = ctypes.c_size_t()
        self.library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self.library.nvrtcGetProgramLog(program, log)
        cubin = ctypes.c_size_t()
        self.library.nvrtcGetCUBINSize(program, ctypes.byref(cubin))
        self.library.nvrtcDestroyProgram(ctypes.byref(program))
        return code == 0 and cubin.value > 0, log.value.decode()


def main(folder, targets):
    nvrtc = Nvrtc(folder)
    failed = 0
    sources = sorted(KERNELS.glob("*.cu"))
    for source in sources:
        for target in targets:
            compiled, log = nvrtc.compile(source, target)
            registers = [int(n) for n in re.findall(r"Used (\d+) registers", log)]
            spilled = sum(int(n) for n in re.findall(r"(\d+) bytes spill", log))
            if not compiled:
                print(f"{source.name} {target}: does not compile\n{log}")
            else:
                print(f"{source.name} {target}: {len(registers)} entries, at most {max(registers, default=0)} registers, "
                      f"{spilled} bytes spilled")
            failed += not compiled
    print(f"{len(sources)} kernel texts, {len(targets)} targets, {failed} failures")
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or ["sm_80", "sm_89", "sm_90"]))
