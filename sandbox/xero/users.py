"""The two people who can sign in to the stand-in."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.xero.charts import fixed_id


@dataclass(frozen=True)
class User:
    """A Xero user; `id` is the xero_userid of the tokens."""

    key: str
    given: str
    family: str
    email: str

    @property
    def id(self) -> str:
        """The user's id, the same in every sandbox."""
        return fixed_id("user", self.key)

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}"


USERS = (
    User("mia", "Mia", "Bookkeeper", "mia@ledgerly.example"),
    User("tom", "Tom", "Owner", "tom@harbour.example"),
)


def find(word: str) -> User | None:
    """The user with this key, e-mail or id."""
    return next((user for user in USERS if word in (user.key, user.email, user.id)), None)
