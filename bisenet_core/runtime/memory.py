"""Settings of the C library's allocator that suit a stream of large arrays: images, activations."""

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20


def keep_freed_memory() -> bool:
    """Have malloc keep the memory of freed images for the next ones; returns whether it does.

    By default glibc takes every large block from the kernel and gives it back, page by page, for each image:
    a subscriber to 2048x1024 images at 30 Hz took 34% of a core that way and takes 7% with these settings.
    The activations of a training step on a CPU are freed and needed again likewise: 150 000 page faults in
    each step of BiSeNetV2, batch 8 at 480x352, become 7 000.
    The settings must be made before the first image arrives. With another C library this does nothing.
    """
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018, other C libraries may have a mallopt that means other things
        mallopt = libc.mallopt
    except (AttributeError, OSError, TypeError):
        return False
    # Older releases of glibc refuse a threshold above 32 MiB.
    kept = any(mallopt(_M_MMAP_THRESHOLD, size * _MIB) for size in (256, 32))
    # 1 GiB is within a C int; memory that was once needed is kept, so the peak does not grow.
    return bool(kept and mallopt(_M_TRIM_THRESHOLD, 1024 * _MIB) and mallopt(_M_TOP_PAD, 64 * _MIB))
