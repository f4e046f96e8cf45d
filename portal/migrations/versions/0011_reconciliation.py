"""Reconciliation: runs, what they read of Xero, and what differs; lists by id for programs"""

import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('reconciliations',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('connection_id', sa.Integer(), nullable=False),
    sa.Column('tenant_id', sa.String(length=64), nullable=False),
    sa.Column('started_by_id', sa.Integer(), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('page', sa.Integer(), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('last', sa.Date(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('calls', sa.Integer(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('differing', sa.Integer(), nullable=False),
    sa.Column('open_count', sa.Integer(), nullable=False),
    sa.Column('foreign', sa.Integer(), nullable=False),
    sa.Column('tallies', sa.Text(), nullable=False),
    sa.Column('message', sa.String(length=300), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('busy_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connections.id'], name=op.f('fk_reconciliations_connection_id')),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_reconciliations_location_id')),
    sa.ForeignKeyConstraint(['started_by_id'], ['users.id'], name=op.f('fk_reconciliations_started_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reconciliations'))
    )
    with op.batch_alter_table('reconciliations', schema=None) as batch_op:
        batch_op.create_index('ix_reconciliations_location_id_id', ['location_id', 'id'], unique=False)
        batch_op.create_index('ix_reconciliations_running', ['location_id'], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))

    op.create_table('xero_seen',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('document', sa.String(length=20), nullable=False),
    sa.Column('xero_id', sa.String(length=64), nullable=False),
    sa.Column('facts', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['reconciliations.id'], name=op.f('fk_xero_seen_run_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_xero_seen')),
    sa.UniqueConstraint('run_id', 'document', 'xero_id', name=op.f('uq_xero_seen_run_id_document_xero_id'))
    )
    op.create_table('differences',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('document', sa.String(length=20), nullable=False),
    sa.Column('hoop_id', sa.String(length=64), nullable=True),
    sa.Column('push_id', sa.Integer(), nullable=True),
    sa.Column('number', sa.String(length=255), nullable=False),
    sa.Column('day', sa.Date(), nullable=True),
    sa.Column('xero_id', sa.String(length=64), nullable=True),
    sa.Column('ours', sa.String(length=300), nullable=True),
    sa.Column('theirs', sa.String(length=300), nullable=True),
    sa.Column('message', sa.String(length=1000), nullable=True),
    sa.ForeignKeyConstraint(['push_id'], ['pushes.id'], name=op.f('fk_differences_push_id')),
    sa.ForeignKeyConstraint(['run_id'], ['reconciliations.id'], name=op.f('fk_differences_run_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_differences'))
    )
    with op.batch_alter_table('differences', schema=None) as batch_op:
        batch_op.create_index('ix_differences_run_id_id', ['run_id', 'id'], unique=False)

    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.create_index('ix_payments_location_id_id', ['location_id', 'id'], unique=False)

    with op.batch_alter_table('pushes', schema=None) as batch_op:
        batch_op.create_index('ix_pushes_location_id_id', ['location_id', 'id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('pushes', schema=None) as batch_op:
        batch_op.drop_index('ix_pushes_location_id_id')

    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.drop_index('ix_payments_location_id_id')

    with op.batch_alter_table('differences', schema=None) as batch_op:
        batch_op.drop_index('ix_differences_run_id_id')

    op.drop_table('differences')
    op.drop_table('xero_seen')
    with op.batch_alter_table('reconciliations', schema=None) as batch_op:
        batch_op.drop_index('ix_reconciliations_running', sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))
        batch_op.drop_index('ix_reconciliations_location_id_id')

    op.drop_table('reconciliations')
