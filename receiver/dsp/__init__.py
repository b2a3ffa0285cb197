"""The signal's way from IQ or MPX samples to soft symbols, one stage a file, in signal order.

channel (IQ to the station's IF) -> discriminator (IF to MPX) -> subcarrier (MPX to the 57 kHz baseband and the pilot)
-> demodulator (baseband to soft symbols). Each stage re-blocks for itself, so any cutting of the input gives the same.
"""
