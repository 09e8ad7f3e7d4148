"""The build backend (PEP 517) of the Python package: CMake builds the module, this packs it into a wheel.

A build of the project that is there already is used: the folder LVM_BUILD, or ../build beside this file."""
import base64
import hashlib
import os
import pathlib
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
NAME, VERSION = "lvm", "0.1.0"


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def _tag():
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{version}-{version}-{platform}"


def _built():
    """The folder of a build whose module is for this interpreter."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    root = HERE.parent
    for folder in filter(None, [os.environ.get("LVM_BUILD"), root / "build"]):
        if (pathlib.Path(folder) / "python" / "lvm" / f"_lvm{suffix}").exists():
            return pathlib.Path(folder)
    folder = root / "build" / f"python-{_tag()}"
    subprocess.run(["cmake", "-S", str(root), "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DLVM_TESTS=OFF",
                    f"-DLVM_PYTHON={sys.executable}"], check=True)
    subprocess.run(["cmake", "--build", str(folder), "--target", "lvm_python"], check=True)
    return folder


def _metadata():
    return f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\nSummary: Compiles latent-variable models and fits them\nLicense: Apache-2.0\nRequires-Python: >=3.9\nRequires-Dist: numpy\n"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    build = _built()
    files = {f"lvm/{path.name}": path.read_bytes() for path in sorted((HERE / "lvm").glob("*.py"))}
    module = build / "python" / "lvm" / f"_lvm{sysconfig.get_config_var('EXT_SUFFIX')}"
    files[f"lvm/{module.name}"] = module.read_bytes()
    library = (build / "liblvm.so").resolve()
    files["lvm/liblvm.so.1"] = library.read_bytes()  # beside the module, which looks there first
    info = f"{NAME}-{VERSION}.dist-info"
    files[f"{info}/METADATA"] = _metadata().encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: lvm\nRoot-Is-Purelib: false\nTag: {_tag()}\n".encode()
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    wheel = f"{NAME}-{VERSION}-{_tag()}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return wheel


def build_sdist(sdist_directory, config_settings=None):
    name = f"{NAME}-{VERSION}"
    with tarfile.open(pathlib.Path(sdist_directory) / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(HERE, arcname=name, filter=lambda item: None if "__pycache__" in item.name else item)
    return f"{name}.tar.gz"
