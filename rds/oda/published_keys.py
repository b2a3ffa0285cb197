"""A public key to whether everybody has its private half: the bench's keys, which protect nothing (protocol, Keys)."""

from typing import Final

PUBLISHED: Final = frozenset(
    bytes.fromhex(public_key)
    for public_key in (
        "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",  # operator 1, seed 00..1F
        "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7",  # root 14, seed 20..3F
        "2543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d",  # root 15, seed 40..5F
    )
)


def is_test_key(public_key: bytes) -> bool:
    """Whether anyone can sign as the owner of this public key."""
    return public_key in PUBLISHED
