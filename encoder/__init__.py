"""The head-end: from a plan of messages to groups, the FM multiplex and IQ."""
