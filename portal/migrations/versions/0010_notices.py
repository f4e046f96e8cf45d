"""Notices: troubles of a location, who is told of them, and what they were told"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('notices',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_notices_location_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices'))
    )
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.create_index('ix_notices_location_id_ended_at', ['location_id', 'ended_at'], unique=False)
    op.create_table('watchers',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('email', sa.String(length=255), nullable=True),
    sa.Column('trouble', sa.Boolean(), nullable=False),
    sa.Column('rhythm', sa.String(length=20), nullable=False),
    sa.Column('key_hash', sa.String(length=64), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('added_by_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['added_by_id'], ['users.id'], name=op.f('fk_watchers_added_by_id')),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_watchers_location_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_watchers_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_watchers')),
    sa.UniqueConstraint('key_hash', name=op.f('uq_watchers_key_hash')),
    sa.UniqueConstraint('location_id', 'email', name=op.f('uq_watchers_location_id_email')),
    sa.UniqueConstraint('location_id', 'user_id', name=op.f('uq_watchers_location_id_user_id'))
    )
    with op.batch_alter_table('watchers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_watchers_user_id'), ['user_id'], unique=False)
    op.create_table('tellings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('notice_id', sa.Integer(), nullable=False),
    sa.Column('watcher_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('newest', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['notice_id'], ['notices.id'], name=op.f('fk_tellings_notice_id')),
    sa.ForeignKeyConstraint(['watcher_id'], ['watchers.id'], name=op.f('fk_tellings_watcher_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tellings')),
    sa.UniqueConstraint('notice_id', 'watcher_id', name=op.f('uq_tellings_notice_id_watcher_id'))
    )
    with op.batch_alter_table('tellings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tellings_watcher_id'), ['watcher_id'], unique=False)


def downgrade() -> None:
    for table in ('tellings', 'watchers', 'notices'):
        op.drop_table(table)
