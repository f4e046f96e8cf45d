"""Since when what is known of a contact is so: an invoice that was written before takes nothing back"""

import sqlalchemy as sa
from alembic import op

import portal.models.base

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('contacts', sa.Column('as_of', portal.models.base.Moment(), nullable=True))
    op.execute('UPDATE contacts SET as_of = updated_at')


def downgrade() -> None:
    op.drop_column('contacts', 'as_of')
