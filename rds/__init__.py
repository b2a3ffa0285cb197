"""What the standard (IEC 62106) and the open-data application define, without input or output of its own."""
