cdef bytes unescaped(const char *data, Py_ssize_t size, bint plus)
