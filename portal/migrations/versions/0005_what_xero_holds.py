"""What Xero holds of a document and what changed on it; numbers and names that a person chose for Xero"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

COLUMNS = {
    'contacts': ('xero_name', sa.String(length=255)),
    'invoices': ('sent_number', sa.String(length=255)),
    'pushes': ('before', sa.Text()),
}
INDEX = 'ix_directory_contacts_connection_id_email'


def upgrade() -> None:
    for table, (name, kind) in COLUMNS.items():
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.add_column('links', sa.Column('content', sa.Text(), nullable=True))
    op.add_column('links', sa.Column('seen', sa.Text(), nullable=True))
    op.create_index(INDEX, 'directory_contacts', ['connection_id', 'email'], unique=False)


def downgrade() -> None:
    op.drop_index(INDEX, table_name='directory_contacts')
    op.drop_column('links', 'seen')
    op.drop_column('links', 'content')
    for table, (name, _) in COLUMNS.items():
        op.drop_column(table, name)
