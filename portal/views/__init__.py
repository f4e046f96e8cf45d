"""Rooms as people see them: parse, call one verb, answer."""

from flask import Flask
from flask_bootstrap import Bootstrap5
from htmx_flask import Htmx

from portal.extensions import csrf
from portal.views import frame, vendor
from portal.views.account import room as account
from portal.views.api_keys import room as api_keys
from portal.views.audit import room as audit
from portal.views.choosing import room as choosing
from portal.views.connections import room as connections
from portal.views.contacts import room as contacts
from portal.views.cutoff import room as cutoff
from portal.views.documents import room as documents
from portal.views.entering import room as entering
from portal.views.handbook import room as handbook
from portal.views.hooks import room as hooks
from portal.views.integrations import room as integrations
from portal.views.invoices import room as invoices
from portal.views.mapping_history import room as mapping_history
from portal.views.mappings import room as mappings
from portal.views.notifications import room as notifications
from portal.views.operations import room as operations
from portal.views.overview import room as overview
from portal.views.payments import room as payments
from portal.views.people import room as people
from portal.views.pushes import room as pushes
from portal.views.recodings import room as recodings
from portal.views.reconciliation import room as reconciliation
from portal.views.sessions import room as sessions
from portal.views.sources import room as sources
from portal.views.sync_options import room as sync_options
from portal.views.troubleshooting import room as troubleshooting
from portal.views.watching import room as watching
from portal.views.watching import unsubscribe
from portal.views.webhooks_out import room as webhooks_out

ROOMS = (
    sessions,
    entering,
    account,
    people,
    audit,
    overview,
    integrations,
    sources,
    connections,
    choosing,
    cutoff,
    mappings,
    mapping_history,
    recodings,
    sync_options,
    api_keys,
    webhooks_out,
    notifications,
    watching,
    invoices,
    payments,
    contacts,
    documents,
    pushes,
    troubleshooting,
    reconciliation,
    handbook,
    hooks,
    operations,
)


def register(app: Flask) -> None:
    """Open the rooms; only HoopAI's webhooks and mail programs come without a form token."""
    Bootstrap5(app)
    Htmx(app)
    frame.register(app)
    for room in ROOMS:
        app.register_blueprint(room)
    app.register_blueprint(vendor.blueprint())
    csrf.exempt(hooks)
    csrf.exempt(unsubscribe)
