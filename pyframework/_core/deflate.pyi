from typing import Any

class _DecompressTooLargeError(Exception): ...
class DecompressError(Exception): ...

class Compressor:
    def __init__(
        self, persistent: bool, max_wbits: int | None, compression_options: dict[str, Any] | None = None
    ) -> None: ...
    def compress(self, data: bytes) -> bytes: ...

class Decompressor:
    def __init__(
        self,
        persistent: bool,
        max_wbits: int | None,
        max_message_size: int,
        compression_options: dict[str, Any] | None = None,
    ) -> None: ...
    def decompress(self, data: bytes) -> bytes: ...
