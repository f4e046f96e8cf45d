"""What is noted in the audit trail, in words: every action with the kind it is filtered by."""

from enum import StrEnum


class Kind(StrEnum):
    """What a decision is about."""

    CONNECTION = "connection"
    MAPPING = "mapping"
    DOCUMENTS = "documents"
    SETTINGS = "settings"
    HOOPAI = "hoopai"
    PEOPLE = "people"
    SIGN_IN = "sign-in"
    OTHER = "other"


KINDS = {
    Kind.CONNECTION: "Connection to Xero",
    Kind.MAPPING: "Mapping",
    Kind.DOCUMENTS: "Documents",
    Kind.SETTINGS: "Settings and notices",
    Kind.HOOPAI: "HoopAI and API keys",
    Kind.PEOPLE: "People",
    Kind.SIGN_IN: "Signing in",
    Kind.OTHER: "Other",
}
WORDS: dict[str, tuple[Kind, str]] = {
    "connections.connect": (Kind.CONNECTION, "Connected to Xero"),
    "connections.decline": (Kind.CONNECTION, "Kept the connection as it was"),
    "connections.disconnect": (Kind.CONNECTION, "Disconnected from Xero"),
    "connections.pause": (Kind.CONNECTION, "Paused sending"),
    "connections.resume": (Kind.CONNECTION, "Resumed sending"),
    "connections.cut_off": (Kind.CONNECTION, "Moved the cut-off"),
    "mappings.save": (Kind.MAPPING, "Saved the mapping"),
    "mappings.recode": (Kind.MAPPING, "Moved what is in Xero to other accounts"),
    "mappings.recode_cancel": (Kind.MAPPING, "Stopped moving what is in Xero"),
    "products.own": (Kind.MAPPING, "Changed whether a product is mapped alone"),
    "pushes.retry": (Kind.DOCUMENTS, "Retried documents"),
    "pushes.skip": (Kind.DOCUMENTS, "Chose not to send documents"),
    "pushes.cancel": (Kind.DOCUMENTS, "Cancelled documents"),
    "pushes.retry_cancel": (Kind.DOCUMENTS, "Called off a retry"),
    "documents.send_again": (Kind.DOCUMENTS, "Sent a document again"),
    "documents.undo": (Kind.DOCUMENTS, "Undid a document in Xero"),
    "invoices.link": (Kind.DOCUMENTS, "Linked an invoice to one in Xero"),
    "invoices.suffix": (Kind.DOCUMENTS, "Sent an invoice under another number"),
    "invoices.charge": (Kind.DOCUMENTS, "Booked a difference as a charge"),
    "invoices.charge_undo": (Kind.DOCUMENTS, "Took back a charge booked for a difference"),
    "invoices.delete_payments": (Kind.DOCUMENTS, "Had payments deleted in Xero"),
    "payments.surplus": (Kind.DOCUMENTS, "Decided about a payment that is too much"),
    "contacts.use": (Kind.DOCUMENTS, "Chose a contact in Xero"),
    "contacts.create": (Kind.DOCUMENTS, "Had a new contact made in Xero"),
    "contacts.restored": (Kind.DOCUMENTS, "Said that a contact is active again"),
    "checks.run": (Kind.DOCUMENTS, "Ran the checks"),
    "reconciliation.start": (Kind.DOCUMENTS, "Started a reconciliation"),
    "reconciliation.cancel": (Kind.DOCUMENTS, "Stopped a reconciliation"),
    "preferences.save": (Kind.SETTINGS, "Changed sync options"),
    "notices.choose": (Kind.SETTINGS, "Changed what they are told"),
    "notices.add_address": (Kind.SETTINGS, "Asked an address whether it wants notices"),
    "notices.confirm": (Kind.SETTINGS, "An address agreed to notices"),
    "notices.remove_address": (Kind.SETTINGS, "Removed an address from the notices"),
    "notices.unsubscribe": (Kind.SETTINGS, "Ended their notices"),
    "sources.token": (Kind.HOOPAI, "Entered HoopAI's API token"),
    "sources.forget_token": (Kind.HOOPAI, "Removed HoopAI's API token"),
    "sources.reveal": (Kind.HOOPAI, "Looked at the webhook secret"),
    "sources.rotate": (Kind.HOOPAI, "Made a new webhook secret"),
    "sources.end_previous": (Kind.HOOPAI, "Ended the previous webhook secret"),
    "sources.sign_with": (Kind.HOOPAI, "Changed how deliveries are signed"),
    "catch_up.start": (Kind.HOOPAI, "Started a catch-up"),
    "catch_up.cancel": (Kind.HOOPAI, "Stopped a catch-up"),
    "api_keys.add": (Kind.HOOPAI, "Made an API key"),
    "api_keys.revoke": (Kind.HOOPAI, "Revoked an API key"),
    "webhooks_out.add": (Kind.SETTINGS, "Added an address that is told of events"),
    "webhooks_out.choose": (Kind.SETTINGS, "Chose what an address is told of"),
    "webhooks_out.rotate": (Kind.SETTINGS, "Made a new secret for webhooks out"),
    "webhooks_out.again": (Kind.SETTINGS, "Told an address of an event again"),
    "webhooks_out.remove": (Kind.SETTINGS, "Removed an address that was told of events"),
    "agencies.add": (Kind.PEOPLE, "Added the agency"),
    "agencies.second_factor": (Kind.PEOPLE, "Changed who needs a second factor"),
    "locations.add": (Kind.PEOPLE, "Added the location"),
    "users.add": (Kind.PEOPLE, "Added a person"),
    "people.invite": (Kind.PEOPLE, "Invited a person"),
    "people.invite_again": (Kind.PEOPLE, "Sent an invitation again"),
    "people.withdraw": (Kind.PEOPLE, "Withdrew an invitation"),
    "people.accept": (Kind.PEOPLE, "Joined"),
    "people.change": (Kind.PEOPLE, "Changed role or locations"),
    "people.deactivate": (Kind.PEOPLE, "Took away somebody's access"),
    "people.activate": (Kind.PEOPLE, "Let somebody in again"),
    "users.sign_in": (Kind.SIGN_IN, "Signed in"),
    "users.sign_in_refused": (Kind.SIGN_IN, "A sign-in was refused"),
    "users.code_refused": (Kind.SIGN_IN, "A second factor's code was refused"),
    "users.sign_out": (Kind.SIGN_IN, "Signed out"),
    "users.end_sessions": (Kind.SIGN_IN, "Signed out other devices"),
    "users.ask_reset": (Kind.SIGN_IN, "Somebody asked for a new password"),
    "users.reset_password": (Kind.SIGN_IN, "Chose a new password by mail"),
    "users.change_password": (Kind.SIGN_IN, "Changed the password"),
    "users.second_factor_on": (Kind.SIGN_IN, "Switched on the second factor"),
    "users.second_factor_off": (Kind.SIGN_IN, "Switched off the second factor"),
    "users.recovery_code": (Kind.SIGN_IN, "Used a recovery code"),
    "users.recovery_codes": (Kind.SIGN_IN, "Made new recovery codes"),
}


def words(action: str) -> tuple[Kind, str]:
    """The kind and the words of an action; its own name where there are none."""
    return WORDS.get(action, (Kind.OTHER, action.replace(".", " ").replace("_", " ").capitalize()))


def actions(kind: Kind) -> list[str]:
    """The actions of a kind."""
    return [action for action, (one, _) in WORDS.items() if one == kind]


def saying(text: str) -> list[str]:
    """The actions whose words hold this text."""
    return [action for action, (_, said) in WORDS.items() if text.casefold() in said.casefold()]
