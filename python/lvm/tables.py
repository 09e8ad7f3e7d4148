"""What a user gives as X, as columns that lvm binds where they lie."""
import numpy as np

from . import _lvm

_NUMBERS = "fiub"  # kinds of dtype


def _bindable(array):
    """The same cells as lvm reads them: aligned, in this machine's byte order, of a type that it knows; copied only where they are not."""
    array = np.asarray(array)
    if array.dtype.kind not in _NUMBERS or array.dtype.itemsize > 8 or array.dtype == np.float16:
        array = array.astype(np.float64)
    if not array.dtype.isnative or not array.flags.aligned or (array.size > 1 and array.strides[0] % array.itemsize):
        array = np.array(array, dtype=array.dtype.newbyteorder("="))
    return array


def _coded(values):
    """Codes from 0 with -1 for missing, and the texts that they stand for in order of appearance."""
    known, codes = {}, np.empty(len(values), dtype=np.float64)
    for row, value in enumerate(values):
        missing = value is None or value != value
        codes[row] = np.nan if missing else known.setdefault(str(value), len(known))
    return codes, list(known)


def _column(name, values):
    """(name, array, levels) of a column of a frame or a dictionary."""
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "categories", None) is not None:  # pandas.Categorical
        codes = np.asarray(values.cat.codes if hasattr(values, "cat") else values.codes)
        levels = [str(level) for level in dtype.categories]
        if (codes < 0).any():
            codes = np.where(codes < 0, np.nan, codes)
        return name, _bindable(codes), levels
    if dtype is not None and hasattr(values, "to_numpy") and not isinstance(dtype, np.dtype):  # pandas' nullable numbers
        try:
            return name, _bindable(values.to_numpy(dtype=np.float64, na_value=np.nan)), []
        except (TypeError, ValueError):
            pass
    array = np.asarray(values)
    if array.dtype.kind in "OUS":
        try:
            return name, array.astype(np.float64), []
        except (TypeError, ValueError):
            codes, levels = _coded(array.tolist())
            return name, codes, levels
    return name, _bindable(array), []


def is_named(X):
    """Columns have names of their own: a frame, a dictionary, or Arrow."""
    is_dictionary = isinstance(X, dict) and not hasattr(X, "tocsr")  # a sparse matrix may be one
    return hasattr(X, "__arrow_c_array__") or hasattr(X, "columns") or is_dictionary


def names_of(X):
    if hasattr(X, "__arrow_c_array__") and not hasattr(X, "columns"):
        return list(getattr(getattr(X, "schema", None), "names", [])) or None
    return [str(name) for name in (X if isinstance(X, dict) else X.columns)]


def named_table(X):
    if hasattr(X, "__arrow_c_array__"):
        return _lvm.Table.from_arrow(*X.__arrow_c_array__())
    return _lvm.Table([_column(str(name), X[name]) for name in (X if isinstance(X, dict) else X.columns)])


def array_table(X, names):
    """Columns of a matrix, by its strides."""
    return _lvm.Table([(name, _bindable(X[:, i]), []) for i, name in enumerate(names)])
