"""Voids and deletions that were heard before their invoice"""

import sqlalchemy as sa
from alembic import op

import portal.models.base

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'endings',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('location_id', sa.Integer(), nullable=False),
        sa.Column('hoop_id', sa.String(length=64), nullable=False),
        sa.Column('heard_at', portal.models.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_endings_location_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_endings')),
        sa.UniqueConstraint('location_id', 'hoop_id', name=op.f('uq_endings_location_id_hoop_id')),
    )


def downgrade() -> None:
    op.drop_table('endings')
