"""Between a request and its handler: the rules that can match a path."""


cdef class Candidate:
    cdef readonly object rule
    cdef readonly bint certain                  # to match, without arguments
    cdef object match                           # of its pattern; None: more than the pattern decides
    cdef bint named                             # the groups of the pattern
    cdef bint plain                             # it leads to a handler class, and nothing but the path decides


cdef class PathIndex:
    cdef dict at_path
    cdef unsigned long as_of                    # what `changes` was when it was made
    cdef list tables                            # of (length, table by prefix), the longest first
    cdef list find(self, str path)


cdef class Route:
    cdef object handler_class
    cdef dict arguments
    cdef list path_args
    cdef dict path_kwargs
    cdef int take(self, match, bint named) except -1


cdef unsigned long rules_as_of()
cdef Route route_in(PathIndex index, str path)
