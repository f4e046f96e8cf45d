"""What an invoice said of its customer last: said again, it takes nothing back that was told since"""

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('invoices', sa.Column('customer_hash', sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column('invoices', 'customer_hash')
