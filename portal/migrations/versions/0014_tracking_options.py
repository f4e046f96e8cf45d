"""Tracking options of the organisation and their choice; which accounts a tax rate may go on"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('tracking_options',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('connection_id', sa.Integer(), nullable=False),
    sa.Column('option_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('tracking_id', sa.String(length=64), nullable=False),
    sa.Column('tracking_name', sa.String(length=200), nullable=False),
    sa.Column('tracking_status', sa.String(length=20), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connections.id'], name=op.f('fk_tracking_options_connection_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tracking_options')),
    sa.UniqueConstraint('connection_id', 'option_id', name=op.f('uq_tracking_options_connection_id_option_id'))
    )
    op.create_index('ix_payments_location_id_method', 'payments', ['location_id', 'method'], unique=False)
    with op.batch_alter_table('tax_rates', schema=None) as batch_op:
        batch_op.add_column(sa.Column('applies_to', sa.Text(), nullable=True))
    with op.batch_alter_table('mappings', schema=None) as batch_op:
        batch_op.add_column(sa.Column('option_id', sa.String(length=64), nullable=True))
        batch_op.alter_column('key', type_=sa.String(length=365), existing_type=sa.String(length=300))
    with op.batch_alter_table('mapping_changes', schema=None) as batch_op:
        batch_op.alter_column('key', type_=sa.String(length=365), existing_type=sa.String(length=300))
        batch_op.alter_column('name', type_=sa.String(length=365), existing_type=sa.String(length=300))


def downgrade() -> None:
    for table in ('mappings', 'mapping_changes'):
        op.execute(f"DELETE FROM {table} WHERE kind IN ('tracking', 'rounding')")
    with op.batch_alter_table('mapping_changes', schema=None) as batch_op:
        batch_op.alter_column('key', type_=sa.String(length=300), existing_type=sa.String(length=365))
        batch_op.alter_column('name', type_=sa.String(length=300), existing_type=sa.String(length=365))
    with op.batch_alter_table('mappings', schema=None) as batch_op:
        batch_op.alter_column('key', type_=sa.String(length=300), existing_type=sa.String(length=365))
        batch_op.drop_column('option_id')
    with op.batch_alter_table('tax_rates', schema=None) as batch_op:
        batch_op.drop_column('applies_to')
    op.drop_index('ix_payments_location_id_method', table_name='payments')
    op.drop_table('tracking_options')
