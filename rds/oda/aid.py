"""Application identifications known to be taken, so that nobody plans on another's.

The list is what open decoders and receiver firmwares agree on (redsea's tables, TEF6686-class firmware, 2026-11);
the registry of the RDS Forum is the authority. DEFAULT_AID is an unregistered test value.
"""

import re
from typing import Final

DEFAULT_AID: Final = 0xC0DE
_TEXT: Final = re.compile("[0-9A-Fa-f]{4}")

REGISTERED: Final[dict[int, str]] = {
    0x0093: "Cross referencing DAB within RDS",
    0x0BCB: "Leisure & Practical Info for Drivers",
    0x0C24: "ELECTRABEL-DSM 7",
    0x0CC1: "Wireless Playground broadcast control signal",
    0x0D45: "RDS-TMC: ALERT-C / EN ISO 14819-1",
    0x0D8B: "ELECTRABEL-DSM 18",
    0x0E2C: "ELECTRABEL-DSM 3",
    0x0E31: "ELECTRABEL-DSM 13",
    0x0F87: "ELECTRABEL-DSM 2",
    0x125F: "I-FM-RDS for fixed and mobile devices",
    0x1BDA: "ELECTRABEL-DSM 1",
    0x1C5E: "ELECTRABEL-DSM 20",
    0x1C68: "ITIS In-vehicle data base",
    0x1CB1: "ELECTRABEL-DSM 10",
    0x1D47: "ELECTRABEL-DSM 4",
    0x1DC2: "CITIBUS 4",
    0x1DC5: "Encrypted TTI using ALERT-Plus",
    0x1E8F: "ELECTRABEL-DSM 17",
    0x4400: "RDS-Light",
    0x4AA1: "RASANT",
    0x4AB7: "ELECTRABEL-DSM 9",
    0x4BA2: "ELECTRABEL-DSM 5",
    0x4BD7: "RadioText+ (RT+)",
    0x4BD8: "RadioText Plus / RT+ for eRT",
    0x4C59: "CITIBUS 2",
    0x4D87: "Radio Commerce System (RCS)",
    0x4D95: "ELECTRABEL-DSM 16",
    0x4D9A: "ELECTRABEL-DSM 11",
    0x50DD: "To warn people in case of disasters or emergency",
    0x5757: "Personal weather station",
    0x6363: "Hybradio RDS-Net(for testing use, only)",
    0x6365: "RDS2 - 9 bit AF lists ODA",
    0x6552: "Enhanced RadioText (eRT)",
    0x6A7A: "Warning receiver",
    0x7373: "Enhanced early warning system",
    0xA112: "NL Alert system",
    0xA911: "Data FM Selective Multipoint Messaging",
    0xABCE: "Fleximax (WorldCast)",
    0xABCF: "RF Power Monitoring",
    0xBE22: "Push-Ad",
    0xC350: "NRSC Song Title and Artist",
    0xC3A1: "Personal Radio Service",
    0xC3B0: "iTunes Tagging",
    0xC3C3: "NAVTEQ Traffic Plus",
    0xC4D4: "eEAS",
    0xC549: "Smart Grid Broadcast Channel",
    0xC563: "ID Logic",
    0xC6A7: "Veil Enabled Interactive Device",
    0xC737: "Utility Message Channel (UMC)",
    0xCB73: "CITIBUS 1",
    0xCB97: "ELECTRABEL-DSM 14",
    0xCC21: "CITIBUS 3",
    0xCD19: "TokenMe",
    0xCD46: "RDS-TMC: ALERT-C",
    0xCD47: "RDS-TMC: ALERT-C",
    0xCD9E: "ELECTRABEL-DSM 8",
    0xCE6B: "Encrypted TTI using ALERT-Plus",
    0xE123: "APS Gateway",
    0xE1C1: "Action code",
    0xE319: "ELECTRABEL-DSM 12",
    0xE411: "Beacon downlink",
    0xE440: "ELECTRABEL-DSM 15",
    0xE4A6: "ELECTRABEL-DSM 19",
    0xE5D7: "ELECTRABEL-DSM 6",
    0xE911: "EAS open protocol",
    0xFF70: "Internet connection",
    0xFF7F: "RFT: Station logo",
    0xFF80: "RFT+ (work title)",
    0xFF81: "RFT: Journaline",
}


def parse_aid(text: str) -> int:
    """An application's AID from four hex digits.

    Raises:
        ValueError: not four hex digits, or registered to another application.
    """
    if not _TEXT.fullmatch(text):
        raise ValueError(f"AID {text!r}; allowed: four hex digits, such as {DEFAULT_AID:04X}")
    aid = int(text, 16)
    if aid == 0:
        raise ValueError(f"AID 0000 means no application; allowed: your own, or {DEFAULT_AID:04X} for tests")
    if aid in REGISTERED:
        raise ValueError(
            f"AID {aid:04X} is registered to {REGISTERED[aid]!r}; allowed: your own, or {DEFAULT_AID:04X} for tests"
        )
    return aid
