"""Where torch, NVIDIA's libraries and the CUDA toolkit are, found without importing torch."""

import importlib.util
import os
import shutil
from pathlib import Path


def torch_lib():
    """torch's folder of libraries, or None."""
    try:
        spec = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "lib"
    return folder if folder.is_dir() else None


def nvidia_libs():
    """The folders of NVIDIA's libraries that came as Python packages beside torch."""
    torch = torch_lib()
    if torch is None:
        return []
    site = torch.parent.parent
    return sorted(path for path in site.glob("nvidia/*/lib") if path.is_dir())


def loader_environment():
    """The library path for programs that are not Python: they need what `import torch` finds by itself."""
    folders = [folder for folder in [torch_lib(), *nvidia_libs()] if folder is not None]
    toolkit = toolkit_folder()
    if toolkit is not None:
        folders += [toolkit / "lib64", toolkit / "extras" / "CUPTI" / "lib64"]
    inherited = os.environ.get("LD_LIBRARY_PATH")
    parts = [str(folder) for folder in folders if folder.is_dir()] + ([inherited] if inherited else [])
    return {"LD_LIBRARY_PATH": ":".join(parts)} if parts else {}


def nvcc():
    """The CUDA compiler, or None."""
    found = shutil.which("nvcc")
    if found is None and Path("/usr/local/cuda/bin/nvcc").is_file():
        found = "/usr/local/cuda/bin/nvcc"
    return found


def toolkit_folder():
    """The CUDA toolkit's folder, or None."""
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if os.environ.get(name) and Path(os.environ[name]).is_dir():
            return Path(os.environ[name])
    compiler = nvcc()
    return None if compiler is None else Path(compiler).resolve().parent.parent


def cupti_headers():
    """Folders to put on the include path so that <cupti.h> is found, or None."""
    folders = []
    toolkit = toolkit_folder()
    if toolkit is not None:
        folders += [toolkit / "extras" / "CUPTI" / "include", toolkit / "include"]
    folders += [folder.parent / "include" for folder in nvidia_libs()]
    return next((folder for folder in folders if (folder / "cupti.h").is_file()), None)


def cupti_library():
    """A libcupti to link with: the one that torch uses if there is one."""
    folders = list(nvidia_libs())
    toolkit = toolkit_folder()
    if toolkit is not None:
        folders += [toolkit / "extras" / "CUPTI" / "lib64", toolkit / "lib64"]
    for folder in folders:
        for path in sorted(folder.glob("libcupti.so*")):
            return path
    return None
