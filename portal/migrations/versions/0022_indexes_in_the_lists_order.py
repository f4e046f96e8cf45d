"""Indexes that end in the order of the list they serve, so that no database sorts or walks for it"""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None

DIGITS = sa.text("ltrim(substr(number, length(rtrim(number, '0123456789')) + 1), '0')")
PUSHES = ['location_id', 'state', 'document']
TOTALS = ['location_id', 'total']
ENDS = ['location_id', DIGITS]


def upgrade() -> None:
    _put(pushes=[*PUSHES, 'updated_at', 'id'], totals=[*TOTALS, 'created_at', 'id'], ends=[*ENDS, 'created_at', 'id'])


def downgrade() -> None:
    _put(pushes=PUSHES, totals=TOTALS, ends=ENDS)


def _put(pushes: list, totals: list, ends: list) -> None:
    for name, table, columns in (
        ('ix_pushes_location_id_state_document', 'pushes', pushes),
        ('ix_invoices_location_id_total', 'invoices', totals),
        ('ix_invoices_digits', 'invoices', ends),
    ):
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
