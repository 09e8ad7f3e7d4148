"""fit.lvmfit by ten lines of NumPy, as docs/cli.md has them: prints each parameter's name, shape and sum."""
import json, sys
import numpy as np

def read_fit(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        numbers = file.read()
    meta = header.pop("__metadata__")
    types = {"F64": "<f8", "F32": "<f4"}
    arrays = {name: np.frombuffer(numbers[slice(*a["data_offsets"])], types[a["dtype"]]).reshape(a["shape"])
              for name, a in header.items()}
    return meta, arrays

meta, arrays = read_fit(sys.argv[1])
print(meta["method"], meta["format"])
for name, array in arrays.items():
    print(name, list(array.shape), repr(float(array.sum())))
