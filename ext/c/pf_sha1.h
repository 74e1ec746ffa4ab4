/* SHA-1 (RFC 3174) of one run of bytes: for entity tags and the WebSocket handshake, where nobody's secrecy hangs on
 * it. Small inputs are what it is for: there is no state to set up. */
#ifndef PF_SHA1_H
#define PF_SHA1_H

#include <stddef.h>

enum { PF_SHA1_SIZE = 20 };

void pf_sha1(const char *data, size_t size, unsigned char digest[PF_SHA1_SIZE]);

#endif
