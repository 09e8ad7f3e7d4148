"""`pip install ./python` without a network, into a folder of its own, and a fit from there."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy  # noqa: F401
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)
if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
    print("skipped: there is no pip (python3-pip)")
    sys.exit(77)

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
                    "--root-user-action=ignore", "--target", folder, "./python"], check=True)
    script = ("import lvm, numpy as np; X = np.genfromtxt('examples/data/faithful.csv', delimiter=',', skip_header=1);"
              "print(lvm.__file__, round(lvm.Model('examples/gmm.lvm', settings={'K': 2}).fit(X).score(X) * len(X), 2))")
    environment = {**os.environ, "PYTHONPATH": folder}
    out = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True).stdout
    print(out)
    assert out.startswith(folder), "another lvm was loaded"
    assert out.split()[-1] == "-1130.26", out
    loaded = subprocess.run([sys.executable, "-c", "import lvm; print([l.split()[-1] for l in open('/proc/self/maps') if 'liblvm' in l][0])"],
                            env=environment, check=True, capture_output=True, text=True).stdout
    assert loaded.startswith(folder), loaded
