"""A charge that a person has booked for a difference knows the total that it was decided for"""

import sqlalchemy as sa
from alembic import op

from portal.models.base import Money

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('lines', schema=None) as batch_op:
        batch_op.add_column(sa.Column('decided_total', Money(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('lines', schema=None) as batch_op:
        batch_op.drop_column('decided_total')
