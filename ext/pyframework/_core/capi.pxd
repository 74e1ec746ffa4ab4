"""Every C declaration of the core in one place; no other file says `cdef extern`."""
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef extern from "pf_buf.h" nogil:
    ctypedef struct pf_buf:
        char *base
        size_t start
        size_t end
        size_t capacity

    size_t pf_buf_size(const pf_buf *buf)
    char *pf_buf_data(const pf_buf *buf)
    int pf_buf_reserve(pf_buf *buf, size_t more)
    int pf_buf_append(pf_buf *buf, const char *data, size_t size)
    void pf_buf_take(pf_buf *buf, size_t size)
    void pf_buf_free(pf_buf *buf)


cdef extern from "pf_poll.h" nogil:
    enum:
        PF_POLL_READ
        PF_POLL_WRITE
        PF_POLL_ERROR
    uint64_t PF_POLL_WOKEN

    ctypedef struct pf_poll:
        int fd
        int wake_fd

    ctypedef struct pf_poll_event:
        uint64_t token
        unsigned mask

    int pf_poll_open(pf_poll *poll)
    void pf_poll_close(pf_poll *poll)
    int pf_poll_set(pf_poll *poll, int fd, unsigned old, unsigned mask, uint64_t token)
    int pf_poll_wait(pf_poll *poll, pf_poll_event *events, int capacity, int timeout_ms)
    int pf_poll_wake(pf_poll *poll)


cdef extern from "pf_timer.h" nogil:
    ctypedef struct pf_timer:
        uint64_t due

    ctypedef struct pf_wheel:
        uint64_t count

    void pf_wheel_init(pf_wheel *wheel, uint32_t tick_ms, uint64_t now_ms)
    void pf_wheel_add(pf_wheel *wheel, pf_timer *timer, uint64_t due_ms)
    void pf_wheel_remove(pf_wheel *wheel, pf_timer *timer)
    pf_timer *pf_wheel_advance(pf_wheel *wheel, uint64_t now_ms)
    int64_t pf_wheel_next(pf_wheel *wheel, uint64_t now_ms)


cdef extern from "pf_http1.h" nogil:
    enum:
        PF_HTTP1_AGAIN
        PF_HTTP1_FIELDS_FULL
        PF_HTTP1_BAD_START_LINE
        PF_HTTP1_BAD_CONTENT_LENGTH
        PF_HTTP1_MANY_CONTENT_LENGTHS
        PF_HTTP1_BAD_TRANSFER_CODING
        PF_HTTP1_BAD_VERSION
        PF_HTTP1_BAD_HOST
        PF_HTTP1_CHUNKED
        PF_HTTP1_CLOSE
        PF_HTTP1_KEEP_ALIVE
        PF_HTTP1_EXPECT_CONTINUE
        PF_HTTP1_UPGRADE
        PF_HTTP1_REPEATED_LENGTH

    ctypedef struct pf_span:
        uint32_t at
        uint32_t size

    ctypedef struct pf_field:
        pf_span name
        pf_span value

    ctypedef struct pf_http1_head:
        pf_span method
        pf_span target
        pf_span reason
        pf_span version
        pf_span host
        int status
        int minor
        unsigned flags
        int64_t content_length
        uint32_t field_count

    int64_t pf_http1_head_end(const char *data, size_t size, size_t *scanned, int response)
    int pf_http1_parse_request(const char *data, size_t size, pf_http1_head *head, pf_field *fields, uint32_t capacity)
    int pf_http1_parse_response(const char *data, size_t size, pf_http1_head *head, pf_field *fields, uint32_t capacity)
    const char *pf_http1_reason(int status)


cdef extern from "pf_chunked.h" nogil:
    ctypedef struct pf_chunked:
        int state
        uint64_t left
        uint32_t line
        int done

    void pf_chunked_init(pf_chunked *chunked)
    int64_t pf_chunked_decode(pf_chunked *chunked, const char *data, size_t size, const char **run, size_t *run_size)
    const char *pf_chunked_reason(int status)


cdef extern from "pf_mask.h" nogil:
    void pf_mask(char *out, const char *data, size_t size, const unsigned char *key, size_t offset)


cdef extern from "pf_utf8.h" nogil:
    ctypedef struct pf_utf8:
        unsigned char left

    int pf_utf8_check(pf_utf8 *utf8, const char *data, size_t size)


cdef extern from "pf_ws.h" nogil:
    enum:
        PF_WS_FIN
        PF_WS_RSV1
        PF_WS_CONTROL
        PF_WS_CONTINUATION
        PF_WS_TEXT
        PF_WS_BINARY
        PF_WS_CLOSE
        PF_WS_PING
        PF_WS_PONG
        PF_WS_HEAD_MAX
        PF_WS_CONTROL_MAX
        PF_WS_AGAIN

    ctypedef struct pf_ws_head:
        unsigned char first
        unsigned char opcode
        unsigned char masked
        unsigned char key[4]
        uint64_t size

    int pf_ws_parse_head(const char *data, size_t size, unsigned allowed_rsv, pf_ws_head *head)
    int pf_ws_put_head(char *out, unsigned first, uint64_t size, const unsigned char *key)
    bint pf_ws_close_code_is_valid(unsigned code)
    const char *pf_ws_reason(int status)


cdef extern from "pf_deflate.h" nogil:
    enum:
        PF_DEFLATE_OK
        PF_DEFLATE_TOO_LARGE
        PF_DEFLATE_NO_MEMORY

    ctypedef struct pf_deflate:
        int open

    int pf_deflate_message(
        pf_deflate *stream, pf_buf *out, const char *data, size_t size, int keep, int level, int window_bits,
        int memory_level
    )
    int pf_inflate_message(
        pf_deflate *stream, pf_buf *out, const char *data, size_t size, int keep, int window_bits, size_t limit
    )
    void pf_deflate_free(pf_deflate *stream)
    void pf_inflate_free(pf_deflate *stream)


cdef extern from "pf_sha1.h" nogil:
    enum:
        PF_SHA1_SIZE

    void pf_sha1(const char *data, size_t size, unsigned char *digest)


cdef extern from "Python.h":
    """
    PyAPI_FUNC(int) _PyObject_GetMethod(PyObject *, PyObject *, PyObject **);
    """
    enum:
        PYGEN_NEXT

    Py_UCS4 PyUnicode_MAX_CHAR_VALUE(object text)

    ctypedef struct type_slots "PyTypeObject":
        void *tp_new
        void *tp_init
        void *tp_call
        unsigned tp_version_tag         # 0: the class was changed and not looked at since

    int PyIter_Send(object iterator, object value, PyObject **result) except -1
    PyTypeObject *Py_TYPE(object instance)
    PyObject *_PyType_Lookup(PyTypeObject *cls, object name)            # borrowed, no error set
    int _PyObject_GetMethod(object instance, object name, PyObject **method) except -1


cdef extern from * nogil:
    """
    /* Not in C11, but in glibc, musl, macOS and the BSDs. */
    void *memmem(const void *data, size_t size, const void *wanted, size_t wanted_size);
    """
    void *memmem(const void *data, size_t size, const void *wanted, size_t wanted_size)


cdef extern from "sys/uio.h" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len


cdef extern from "sys/socket.h" nogil:
    """
    #ifndef MSG_NOSIGNAL        /* macOS before 15 has none; CPython ignores SIGPIPE anyway */
    #define MSG_NOSIGNAL 0
    #endif
    #ifndef MSG_MORE            /* Linux only; without it there is one packet more */
    #define MSG_MORE 0
    #endif
    """
    enum:
        MSG_MORE
        MSG_NOSIGNAL

    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen

    ssize_t recv(int fd, void *data, size_t size, int flags)
    ssize_t send(int fd, const void *data, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr *message, int flags)


cdef extern from *:
    """
    #include <netinet/in.h>
    #include <netinet/tcp.h>
    #include <sys/socket.h>

    /* Let the kernel send what MSG_MORE holds back. */
    static inline void pf_push(int fd)
    {
    #ifdef TCP_CORK
        int off = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    #endif
    }
    """
    void pf_push(int fd) nogil
