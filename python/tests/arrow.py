"""A record batch of doubles as the Arrow PyCapsule interface hands it over, made by hand: pyarrow is no package of Debian."""
import ctypes


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


_RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))
_RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))
Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64),
                   ("n_children", ctypes.c_int64), ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.POINTER(Schema)),
                   ("release", _RELEASE_SCHEMA), ("private_data", ctypes.c_void_p)]
Array._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64),
                  ("n_children", ctypes.c_int64), ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(Array))),
                  ("dictionary", ctypes.POINTER(Array)), ("release", _RELEASE_ARRAY), ("private_data", ctypes.c_void_p)]

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class Batch:
    """Columns of NumPy's doubles; `released` counts what the consumer gave back."""

    def __init__(self, columns):
        self.columns, self.released = columns, 0

        def release(struct):
            struct.contents.release = type(struct.contents.release)()
            self.released += 1

        self._release_schema, self._release_array = _RELEASE_SCHEMA(release), _RELEASE_ARRAY(release)

    def __arrow_c_array__(self, requested_schema=None):
        count, rows = len(self.columns), len(next(iter(self.columns.values())))
        self._schemas = [Schema(b"g", name.encode(), None, 2, 0, None, None, self._release_schema) for name in self.columns]
        self._buffers = [(ctypes.c_void_p * 2)(None, values.ctypes.data) for values in self.columns.values()]
        self._arrays = [Array(rows, 0, 0, 2, 0, buffers, None, None, self._release_array) for buffers in self._buffers]
        self._of_schema = (ctypes.POINTER(Schema) * count)(*[ctypes.pointer(one) for one in self._schemas])
        self._of_array = (ctypes.POINTER(Array) * count)(*[ctypes.pointer(one) for one in self._arrays])
        self._none = (ctypes.c_void_p * 1)(None)
        self._schema = Schema(b"+s", b"", None, 0, count, self._of_schema, None, self._release_schema)
        self._array = Array(rows, 0, 0, 1, count, self._none, self._of_array, None, self._release_array)
        return (_capsule(ctypes.addressof(self._schema), b"arrow_schema", None), _capsule(ctypes.addressof(self._array), b"arrow_array", None))
