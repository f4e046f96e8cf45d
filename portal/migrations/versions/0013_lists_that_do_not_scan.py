"""Indexes for lists, counts and searches that do not scan"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

REVERSALS = sa.text("operation = 'void' OR document IN ('credit_note', 'refund')")
DIGITS = "ltrim(substr(number, length(rtrim(number, '0123456789')) + 1), '0')"


def upgrade() -> None:
    by_bytes = ' text_pattern_ops' if op.get_bind().dialect.name == 'postgresql' else ''
    op.drop_index('ix_pushes_location_id_updated_at', table_name='pushes')
    op.create_index('ix_pushes_location_id_state_updated_at', 'pushes', ['location_id', 'state', 'updated_at', 'id', 'document'])
    op.create_index('ix_pushes_reversals', 'pushes', ['location_id', 'updated_at', 'id'], sqlite_where=REVERSALS, postgresql_where=REVERSALS)
    op.create_index('ix_contacts_location_id_name', 'contacts', ['location_id', 'name', 'company', 'email'])
    op.create_index('ix_invoices_location_id_total', 'invoices', ['location_id', 'total'])
    op.create_index('ix_invoices_folded', 'invoices', ['location_id', sa.text(f'lower(number){by_bytes}')])
    op.create_index('ix_invoices_digits', 'invoices', ['location_id', sa.text(DIGITS)])
    op.drop_index('ix_payments_location_id', table_name='payments')
    op.create_index('ix_payments_location_id_paid_on', 'payments', ['location_id', 'paid_on', 'id'])
    op.create_index('ix_payments_location_id_amount', 'payments', ['location_id', 'amount'])


def downgrade() -> None:
    for name in ('amount', 'paid_on'):
        op.drop_index(f'ix_payments_location_id_{name}', table_name='payments')
    op.create_index('ix_payments_location_id', 'payments', ['location_id'])
    for name in ('ix_invoices_digits', 'ix_invoices_folded', 'ix_invoices_location_id_total'):
        op.drop_index(name, table_name='invoices')
    op.drop_index('ix_contacts_location_id_name', table_name='contacts')
    for name in ('ix_pushes_reversals', 'ix_pushes_location_id_state_updated_at'):
        op.drop_index(name, table_name='pushes')
    op.create_index('ix_pushes_location_id_updated_at', 'pushes', ['location_id', 'updated_at'])
