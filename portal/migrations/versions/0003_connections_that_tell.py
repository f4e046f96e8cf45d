"""Withdrawals, choices after a consent, checks of connections, and mappings that belong to one organisation"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('withdrawals',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('authorisation_id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('xero_connection_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['authorisation_id'], ['authorisations.id'], name=op.f('fk_withdrawals_authorisation_id')),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_withdrawals_location_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_withdrawals'))
    )
    with op.batch_alter_table('withdrawals', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_withdrawals_authorisation_id'), ['authorisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_withdrawals_next_try_at'), ['next_try_at'], unique=False)
    op.add_column('authorisations', sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('authorisations', sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True))
    op.add_column('authorisations', sa.Column('failing_reason', sa.String(length=20), nullable=True))
    op.add_column('connections', sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('connections', sa.Column('doubted_at', sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table('consent_runs', schema=None) as batch_op:
        batch_op.add_column(sa.Column('authorisation_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('offered', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_consent_runs_authorisation_id'), 'authorisations', ['authorisation_id'], ['id'])
    _give_mappings_their_organisation()


def _give_mappings_their_organisation() -> None:
    op.add_column('mappings', sa.Column('tenant_id', sa.String(length=64), nullable=True))
    op.execute('DELETE FROM mappings WHERE location_id NOT IN (SELECT location_id FROM connections)')
    op.execute(
        'UPDATE mappings SET tenant_id = (SELECT tenant_id FROM connections '
        'WHERE connections.location_id = mappings.location_id)'
    )
    with op.batch_alter_table('mappings', schema=None) as batch_op:
        batch_op.alter_column('tenant_id', existing_type=sa.String(length=64), nullable=False)
        batch_op.drop_constraint(batch_op.f('uq_mappings_location_id_kind_key'), type_='unique')
        batch_op.create_unique_constraint(
            batch_op.f('uq_mappings_location_id_tenant_id_kind_key'), ['location_id', 'tenant_id', 'kind', 'key']
        )


def downgrade() -> None:
    op.execute(
        'DELETE FROM mappings WHERE NOT EXISTS (SELECT 1 FROM connections '
        'WHERE connections.location_id = mappings.location_id AND connections.tenant_id = mappings.tenant_id)'
    )
    with op.batch_alter_table('mappings', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_mappings_location_id_tenant_id_kind_key'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_mappings_location_id_kind_key'), ['location_id', 'kind', 'key'])
        batch_op.drop_column('tenant_id')
    with op.batch_alter_table('consent_runs', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_consent_runs_authorisation_id'), type_='foreignkey')
        for column in ('authorisation_id', 'offered', 'settled_at'):
            batch_op.drop_column(column)
    for table, columns in (('connections', ('checked_at', 'doubted_at')),
                           ('authorisations', ('checked_at', 'failing_since', 'failing_reason'))):
        for column in columns:
            op.drop_column(table, column)
    op.drop_table('withdrawals')
