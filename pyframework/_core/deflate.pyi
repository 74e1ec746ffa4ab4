from typing import Any, Self

class _DecompressTooLargeError(Exception): ...
class DecompressError(Exception): ...

class Compressor:
    def __new__(
        cls, persistent: bool, max_wbits: int | None, compression_options: dict[str, Any] | None = None
    ) -> Self: ...
    def compress(self, data: bytes) -> bytes: ...

class Decompressor:
    def __new__(
        cls,
        persistent: bool,
        max_wbits: int | None,
        max_message_size: int,
        compression_options: dict[str, Any] | None = None,
    ) -> Self: ...
    def decompress(self, data: bytes) -> bytes: ...
