"""Making instances of Python classes with a compiled base, and calling methods that hardly anybody replaces."""
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF

from pyframework._core.capi cimport Py_TYPE, _PyObject_GetMethod, _PyType_Lookup, type_slots

ctypedef object (*make_instance)(PyObject *, tuple, PyObject *)


cdef inline bint has_init_of(cls, base):
    return (<type_slots *>cls).tp_init == (<type_slots *>base).tp_init


cdef inline object bare_instance(cls, base, tuple no_arguments):
    """An instance of which `__init__` has not run; None where the class has a way of its own to make one."""
    cdef type_slots *wanted = <type_slots *>cls
    cdef type_slots *meta = <type_slots *>Py_TYPE(cls)
    if wanted.tp_new != (<type_slots *>base).tp_new or meta.tp_call != (<type_slots *>type).tp_call:
        return None
    return (<make_instance>wanted.tp_new)(<PyObject *>cls, no_arguments, NULL)


cdef inline unsigned version_of(cls):
    """What changes with each change of a class or its bases; 0: not known."""
    return (<type_slots *>cls).tp_version_tag


cdef inline PyObject *method_of(cls, str name):
    """What a class has under a name, to be compared; the class keeps it."""
    return _PyType_Lookup(<PyTypeObject *>cls, name)


cdef inline bint is_replaced(instance, str name, PyObject *original) except -1:
    """Whether class or instance have something else in place of the original method."""
    cdef PyObject *found = NULL
    _PyObject_GetMethod(instance, name, &found)
    Py_DECREF(<object>found)
    return found != original
