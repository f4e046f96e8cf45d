"""The links of a document are found in whatever organisations they are, without passing over all links there are"""

from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        'ix_links_location_id_document_document_id', 'links', ['location_id', 'document', 'document_id']
    )


def downgrade() -> None:
    op.drop_index('ix_links_location_id_document_document_id', table_name='links')
