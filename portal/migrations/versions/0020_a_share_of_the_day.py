"""The day's calls: since when and until when the backlog stops"""

import sqlalchemy as sa
from alembic import op

import portal.models.base

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('connections', schema=None) as batch_op:
        batch_op.add_column(sa.Column('day_used_at', portal.models.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column('day_used_until', portal.models.base.Moment(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('connections', schema=None) as batch_op:
        batch_op.drop_column('day_used_until')
        batch_op.drop_column('day_used_at')
