"""Thousands of recordings to tables and a report, for researchers: `batch` and `report`."""
