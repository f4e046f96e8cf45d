"""What HoopAI's REST API tells: refunds, products and collections, catch-ups; and the settings of a location"""

import sqlalchemy as sa
from alembic import op

from portal.models.base import Money

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

def columns() -> dict[str, list[sa.Column]]:
    return {
        'inbound_events': [sa.Column('shape', sa.String(length=10), nullable=True)],
        'sources': [
            sa.Column('public_key', sa.String(length=2000), nullable=True),
            sa.Column('previous_secret_sealed', sa.String(length=500), nullable=True),
            sa.Column('previous_until', sa.DateTime(timezone=True), nullable=True),
            sa.Column('api_checked_at', sa.DateTime(timezone=True), nullable=True),
            sa.Column('api_refused_reason', sa.String(length=300), nullable=True),
            sa.Column('api_lacks', sa.Text(), nullable=True),
            sa.Column('api_rest_until', sa.DateTime(timezone=True), nullable=True),
        ],
        'invoices': [
            sa.Column('discount_products', sa.Text(), nullable=True),
            sa.Column('look_up_at', sa.DateTime(timezone=True), nullable=True),
            sa.Column('held', sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column('looked_up_at', sa.DateTime(timezone=True), nullable=True),
            sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True),
        ],
        'payments': [
            sa.Column('covers', sa.Text(), server_default='[]', nullable=False),
            sa.Column('note', sa.String(length=300), nullable=True),
            sa.Column('taken_back_at', sa.DateTime(timezone=True), nullable=True),
        ],
    }


def upgrade() -> None:
    for table, added in columns().items():
        for column in added:
            op.add_column(table, column)
    with op.batch_alter_table('invoices', schema=None) as batch_op:
        batch_op.create_index('ix_invoices_look_up_at', ['look_up_at'], unique=False)
    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_payments_invoice_id_paid_to'), type_='unique')
        batch_op.create_index(batch_op.f('ix_payments_invoice_id'), ['invoice_id'], unique=False)
        batch_op.create_unique_constraint(batch_op.f('uq_payments_location_id_hoop_id'), ['location_id', 'hoop_id'])
    op.create_table('catch_ups',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('started_by_id', sa.Integer(), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('page', sa.Integer(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('changed', sa.Integer(), nullable=False),
    sa.Column('broken', sa.Integer(), nullable=False),
    sa.Column('calls', sa.Integer(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('message', sa.String(length=300), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('busy_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_catch_ups_location_id')),
    sa.ForeignKeyConstraint(['started_by_id'], ['users.id'], name=op.f('fk_catch_ups_started_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catch_ups'))
    )
    with op.batch_alter_table('catch_ups', schema=None) as batch_op:
        batch_op.create_index('ix_catch_ups_location_id_started_at', ['location_id', 'started_at'], unique=False)
        batch_op.create_index('ix_catch_ups_running', ['location_id'], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))
    op.create_table('collections',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('hoop_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_collections_location_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_collections')),
    sa.UniqueConstraint('location_id', 'hoop_id', name=op.f('uq_collections_location_id_hoop_id'))
    )
    op.create_table('location_settings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=60), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_by_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by_id'], ['users.id'], name=op.f('fk_location_settings_changed_by_id')),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_location_settings_location_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_location_settings')),
    sa.UniqueConstraint('location_id', 'key', name=op.f('uq_location_settings_location_id_key'))
    )
    op.create_table('products',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('hoop_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('collections', sa.Text(), nullable=False),
    sa.Column('own', sa.Boolean(), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_products_location_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_products')),
    sa.UniqueConstraint('location_id', 'hoop_id', name=op.f('uq_products_location_id_hoop_id'))
    )
    op.create_table('refunds',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('invoice_id', sa.Integer(), nullable=False),
    sa.Column('payment_id', sa.Integer(), nullable=True),
    sa.Column('hoop_id', sa.String(length=100), nullable=False),
    sa.Column('amount', Money(), nullable=False),
    sa.Column('refunded_on', sa.Date(), nullable=False),
    sa.Column('method', sa.String(length=30), nullable=False),
    sa.Column('reduced', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoices.id'], name=op.f('fk_refunds_invoice_id')),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_refunds_location_id')),
    sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_refunds_payment_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refunds')),
    sa.UniqueConstraint('location_id', 'hoop_id', name=op.f('uq_refunds_location_id_hoop_id'))
    )
    with op.batch_alter_table('refunds', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refunds_invoice_id'), ['invoice_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_refunds_location_id'), ['location_id'], unique=False)


def downgrade() -> None:
    for table in ('refunds', 'products', 'location_settings', 'collections', 'catch_ups'):
        op.drop_table(table)
    op.execute('DELETE FROM payments WHERE id NOT IN (SELECT MIN(id) FROM payments GROUP BY invoice_id, paid_to)')
    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_payments_location_id_hoop_id'), type_='unique')
        batch_op.drop_index(batch_op.f('ix_payments_invoice_id'))
        batch_op.create_unique_constraint(batch_op.f('uq_payments_invoice_id_paid_to'), ['invoice_id', 'paid_to'])
    with op.batch_alter_table('invoices', schema=None) as batch_op:
        batch_op.drop_index('ix_invoices_look_up_at')
    for table, added in columns().items():
        for column in added:
            op.drop_column(table, column.name)
