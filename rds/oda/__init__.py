"""The open-data application of docs/protocol.md: from a message to signed, coded symbols and back."""
