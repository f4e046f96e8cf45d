"""What `manage.py` is made of: the environment, the supervisor, tests, checks, locks.

Standard library only: it runs before any package is installed, and imports nothing of the portal.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder."""
