"""The charger's side: from a signal to trusted messages and a current limit."""
