"""A broadcast in, the reaction of many chargers out: what would happen, before it is sent."""
