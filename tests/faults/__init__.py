"""Faults."""

import os

SCALE = float(os.environ.get("FAULTS_SCALE", "1"))
"""How much longer every time is, for a machine that has much else to do."""
